"""Who is calling (CDS Hooks 2.0.1, "Trusting CDS Clients")."""
