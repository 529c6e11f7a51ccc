"""Callables of every kind for `module`."""


class Holder:
    @staticmethod
    def app(environ, start_response):
        start_response("200 OK", [])
        return [b"held"]


def create(text="default", times=1):
    def app(environ, start_response):
        start_response("200 OK", [])
        return [text.encode() * times]
    return app


number = 3
