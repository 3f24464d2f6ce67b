module timestamp
