"""The answer head of the reader: questions with their answers' places -> a head, with figures."""
