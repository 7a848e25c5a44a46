"""What readers ask first, answered: a number a system and question, sentences, and what to distrust."""
