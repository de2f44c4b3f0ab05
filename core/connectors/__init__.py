"""Ways to reach devices, one package each; a connector knows no other and no store."""
