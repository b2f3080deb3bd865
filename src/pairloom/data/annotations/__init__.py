"""Temporary."""


def find_annotations(files):
    return []


def match_references(references, images, root):
    return {}
