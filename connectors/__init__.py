"""Sites, crawling and the document archive."""
