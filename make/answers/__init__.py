"""The parts of `same_answers.py`: what is asked, who is asked, and how answers are kept and compared."""
