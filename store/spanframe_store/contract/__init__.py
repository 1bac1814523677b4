"""What a store is: its protocols, what is written, what is searched, what is found."""
