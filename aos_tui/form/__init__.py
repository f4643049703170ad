"""A value of a world as a form: a model of its fields, and the widgets that show it."""
