"""Great Expectations suites that encode the accounting identities, findings and scores."""
