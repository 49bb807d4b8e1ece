"""The reports of a test session: what each test showed, gathered on the controller and written once."""
