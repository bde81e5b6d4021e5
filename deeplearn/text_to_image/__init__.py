"""Pictures from texts: what is asked for, what is measured, and the systems themselves."""
