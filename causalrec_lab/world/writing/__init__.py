"""What is written and drawn: titles, texts, reviews, pictures, and what a reader could make of them."""
