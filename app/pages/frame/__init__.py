"""What all pages share: the frame, the asker, formats, words."""
