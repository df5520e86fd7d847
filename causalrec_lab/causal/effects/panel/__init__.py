"""Effects from panels: difference in differences with staggered adoption, two-way fixed effects beside it."""
