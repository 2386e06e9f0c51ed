"""The search: request, engine, result. One request, exactly AMT's, for every engine."""
