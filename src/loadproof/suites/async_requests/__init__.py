"""The suite of an asynchronous request API: create a request, poll until its job has ended."""
