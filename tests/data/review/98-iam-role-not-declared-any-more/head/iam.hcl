# Nothing is declared of it any more.
