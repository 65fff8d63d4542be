"""Two small portals of two CMS families on the loopback, with disclosures rendered from figures."""
