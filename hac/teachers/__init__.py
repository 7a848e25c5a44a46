"""The two teachers: a speech encoder and a text encoder, loaded by name, and their targets, cached or live."""

from hac.teachers.base import SpeechTeacher, TextTeacher
from hac.teachers.registry import load_speech_teacher, load_text_teacher

__all__ = ["SpeechTeacher", "TextTeacher", "load_speech_teacher", "load_text_teacher"]
