raise ImportError("of the URLs")
