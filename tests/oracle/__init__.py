"""The independent oracle: the indicators recounted by brute force from their definitions, life by life.

Nothing here may import the service: the two implementations agree only if both read the definitions alike.
"""
