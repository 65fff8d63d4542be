"""The domain: amounts, forms, facts and statements, and how documents are read into them."""
