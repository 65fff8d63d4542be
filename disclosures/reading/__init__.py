"""Reading documents into facts and statements."""
