"""What changes in the sound when a level is changed."""
