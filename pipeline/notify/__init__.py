"""Tell people and programs of alarms: by webhook, by e-mail, and by services that Apprise supports."""
