"""chiso766: exact indicators of Decision 766/QĐ-TTg from events."""

VERSION = "0.1.0"
