"""How notices leave: by webhook and by e-mail. Implements ports/notifications.py; what is told is decided elsewhere."""
