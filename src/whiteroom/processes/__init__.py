"""Child processes that outlive the server: started, locked, limited, found again, killed."""
