"""Days in words, said on Wednesday 13 November 2024, and what may be understood.

`words | 2024-11-20`    this day must be understood
`words | 2024-11-20 ?`  this day, or a question
`words | ?`             only a question is right
`words | A, B ?`        any of these days (each as a reading of its own), or a question

HELD_OUT was written before the reader, and nobody looked at what it makes of it until it was done;
SECOND and THIRD after it, to be as hard as can be, and read once before anything was mended.
"""

from __future__ import annotations

from datetime import date
from typing import Final

TODAY: Final = date(2024, 11, 13)

TUNED: Final = """
today | 2024-11-13
tomorrow | 2024-11-14
the day after tomorrow | 2024-11-15
yesterday | 2024-11-12 ?
the day before yesterday | 2024-11-11 ?
tonight | 2024-11-13 ?
Friday | 2024-11-15
Wednesday | 2024-11-20
this Friday | 2024-11-15
this Monday | ?
next Wednesday | 2024-11-20
next Monday | 2024-11-18
next Friday | 2024-11-22 ?
coming Friday | 2024-11-15
the coming Friday | 2024-11-15
last Monday | 2024-11-11
last Wednesday | 2024-11-06
past Sunday | 2024-11-10
this past Sunday | 2024-11-10
previous Monday | 2024-11-11 ?
Monday next week | 2024-11-18
next week Monday | 2024-11-18 ?
Tuesday of next week | 2024-11-19
Friday last week | 2024-11-08 ?
last week Friday | 2024-11-08 ?
the 2nd of this month | 2024-11-02
the 2nd of next month | 2024-12-02
the 5th of last month | 2024-10-05 ?
the 31st of this month | ?
the 20th | 2024-11-20
on the 2nd | 2024-12-02
the first Monday of next month | 2024-12-02
first Monday in December | 2024-12-02
the last Friday of the month | 2024-11-29
the second Tuesday of this month | 2024-11-12
the third Thursday in March 2025 | 2025-03-20
the fifth Monday of this month | ?
the last day of the month | 2024-11-30
the first day of next month | 2024-12-01
3 days before Friday | 2024-11-12
two days after Monday | 2024-11-20
in two weeks | 2024-11-27
in a fortnight | 2024-11-27
in a week | 2024-11-20
in 10 days | 2024-11-23
in three months | 2025-02-13 ?
in a week's time | 2024-11-20 ?
in two weeks' time | 2024-11-27 ?
two weeks from now | 2024-11-27
three days from today | 2024-11-16
a week from Friday | 2024-11-22
two weeks from tomorrow | 2024-11-28
a week on Friday | 2024-11-22 ?
Friday week | 2024-11-22 ?
tomorrow week | 2024-11-21 ?
3 days ago | 2024-11-10 ?
a week ago | 2024-11-06 ?
in a few days | ?
in 2 working days | ?
the day before my birthday | ?
the day before Friday | 2024-11-14 ?
the day after Christmas | 2024-12-26 ?
the Monday after next | 2024-11-25 ?
the Friday after next | 2024-11-22, 2024-11-29 ?
the Monday after Christmas | 2024-12-30 ?
the Tuesday before my exam | ?
end of the month | 2024-11-30 ?
the beginning of next week | ?
mid-June | ?
early December | ?
June | ?
June 2025 | ?
not Monday | ?
not on Monday | ?
any day but Monday | ?
except Friday | ?
anything except the 3rd of May | ?
Monday or Tuesday | ?
either Friday or Saturday | ?
every Monday | ?
every other Friday | ?
Mondays | ?
each Tuesday | ?
until Friday | ?
since Monday | ?
before Friday | ?
after Monday | ?
no later than Friday | ?
unless it is Monday | ?
around Friday | ?
instead of Friday | ?
Christmas | 2024-12-25 ?
the weekend | ?
this weekend | ?
next week | ?
next month | ?
3 March | 2025-03-03
March 3rd | 2025-03-03
the 3rd of March | 2025-03-03
the third of March 2026 | 2026-03-03
March the 3rd, 2026 | 2026-03-03
3 March 2020 | 2020-03-03
Dec 24 | 2024-12-24
24 Dec. | 2024-12-24
29 February | 2028-02-29 ?
29 February 2025 | ?
31 February | ?
February 30th | ?
the twenty-first of May | 2025-05-21
2024-12-01 | 2024-12-01
2024-02-30 | ?
2024/12/01 | 2024-12-01 ?
25/12/2024 | 2024-12-25
12/25/2024 | 2024-12-25
03/04/2024 | 2024-04-03, 2024-03-04 ?
3/4 | 2025-04-03, 2025-03-04 ?
13/13/2024 | ?
24.12.2024 | 2024-12-24
3.4.2025 | 2025-04-03 ?
3/4/25 | 2025-04-03, 2025-03-04 ?
1/2/3/4 | ?
Monday the 18th | 2024-11-18
Monday, 18 November | 2024-11-18
Tuesday, 18 November 2024 | ?
tomorrow, Thursday | 2024-11-14
tomorrow, Friday | ?
Easter Monday | 2025-04-21 ?
Good Friday | 2025-04-18 ?
Black Friday | 2024-11-29 ?
""".strip()

HELD_OUT: Final = """
on Saturday | 2024-11-16
this coming Sunday | 2024-11-17
last Friday | 2024-11-08
last Tuesday | 2024-11-12
the previous Friday | 2024-11-08 ?
next Sunday | 2024-11-24 ?
next Tuesday | 2024-11-19
Thursday next week | 2024-11-21
next week on Thursday | 2024-11-21 ?
Monday of this week | 2024-11-11 ?
the 30th of this month | 2024-11-30
the 1st of this month | 2024-11-01
the 30th of February | ?
the first of December | 2024-12-01
the first Friday of the month | 2024-11-01 ?
the last Monday of next month | 2024-12-30
the second Monday in January | 2025-01-13
third Wednesday of this month | 2024-11-20
the last Sunday in March 2025 | 2025-03-30
first weekend of December | ?
the last day of February 2025 | 2025-02-28
the first working day of December | ?
five days before Christmas | 2024-12-20 ?
2 days before the 20th | 2024-11-18 ?
a day after tomorrow | 2024-11-15 ?
a week after Friday | 2024-11-22 ?
one week before 1 December | 2024-11-24 ?
three weeks from Monday | 2024-12-09
four days from now | 2024-11-17
in one week | 2024-11-20
in fourteen days | 2024-11-27
in 2 weeks and 3 days | 2024-11-30 ?
in a couple of days | 2024-11-15 ?
in about a week | ?
in a year | 2025-11-13 ?
a fortnight from Friday | 2024-11-29 ?
Friday fortnight | 2024-11-29 ?
two weeks ago | 2024-10-30 ?
ten days ago | 2024-11-03 ?
a month ago | 2024-10-13 ?
the Friday before last | 2024-11-01 ?
Friday after next | 2024-11-22, 2024-11-29 ?
the Thursday before Christmas | 2024-12-19 ?
the week after next | ?
the following Monday | 2024-11-18 ?
the same Monday | ?
the night before Friday | 2024-11-14 ?
two days before my wedding | ?
the day after the 3rd of May | 2025-05-04 ?
the Sunday before 1 December | 2024-11-24 ?
the end of next week | ?
middle of May | ?
late on Friday | 2024-11-15 ?
some time in March | ?
the end of March | 2025-03-31 ?
never on Monday | ?
but not the 20th | ?
everything but Friday | ?
all days except Tuesday | ?
I can't do Monday | ?
don't come on Friday | ?
the 3rd or the 4th of May | ?
neither Monday nor Tuesday | ?
Saturday or Sunday | ?
maybe Monday, maybe Tuesday | 2024-11-18, 2024-11-19 ?
every day until Friday | ?
every first Monday of the month | ?
weekly on Monday | 2024-11-18 ?
every 3rd of the month | ?
on Mondays and Fridays | ?
from Friday onwards | 2024-11-15 ?
till the 20th | ?
up to Friday | ?
not before Monday | ?
Monday at the earliest | 2024-11-18 ?
Friday at the latest | 2024-11-15 ?
rather than Friday | ?
other than the 5th | ?
unless Tuesday | ?
by Friday | 2024-11-15 ?
Boxing Day | 2024-12-26 ?
New Year's Eve | 2024-12-31 ?
at the weekend | ?
next weekend | ?
this month | ?
this year | ?
1 December | 2024-12-01
December 1 | 2024-12-01
Jan 5th | 2025-01-05
5 Jan 2026 | 2026-01-05
October 3, 2023 | 2023-10-03
the ninth of April | 2025-04-09
22nd November | 2024-11-22
12 November | 2025-11-12
April 31 | ?
the 32nd of May | ?
February 29, 2028 | 2028-02-29
2025-1-5 | 2025-01-05 ?
2025-13-01 | ?
31/12/2024 | 2024-12-31
12/31/24 | 2024-12-31
10/11/2024 | 2024-11-10, 2024-10-11 ?
5/5/2025 | 2025-05-05
31.12.2024 | 2024-12-31
32.1.2025 | ?
Thursday, November 14 | 2024-11-14
Friday, 14 November 2024 | ?
today, Wednesday | 2024-11-13
today, Thursday | ?
Whit Monday | 2025-06-09 ?
Ash Wednesday | 2025-03-05 ?
the day before the day before yesterday | 2024-11-10 ?
half of next week | ?
the Monday of the first week of May | ?
a Monday | ?
one Monday in May | ?
the second of the three Mondays | ?
""".strip()

SECOND: Final = """
let's meet on the first | 2024-12-01 ?
the Thursday after this one | 2024-11-21 ?
a week before Christmas | 2024-12-18 ?
the last Thursday of November | 2024-11-28
4th of July | 2025-07-04
Thanksgiving | 2024-11-28 ?
in half a year | ?
in two and a half weeks | ?
next to last Friday | ?
second to last day of the month | ?
the penultimate Friday | ?
three Fridays from now | ?
the third Friday from now | ?
two Fridays ago | ?
next Monday or Tuesday | ?
Tues | 2024-11-19
Weds 20 Nov | 2024-11-20
Thursday 14th | 2024-11-14
Friday 13 December | 2024-12-13
Sunday the 24th of November | 2024-11-24
Nov. 20, 2024 | 2024-11-20
20-11-2024 | 2024-11-20 ?
11/20 | 2024-11-20 ?
2024.11.20 | 2024-11-20 ?
the year 2025 | ?
in 2025 | ?
first thing on Monday | 2024-11-18 ?
Monday first thing | 2024-11-18 ?
last thing Friday | 2024-11-15 ?
Monday week | 2024-11-25 ?
Saturday two weeks from now | ?
yesterday week | ?
the day after next | ?
the day before last | ?
day after day | ?
any Monday in May | ?
most Mondays | ?
only Mondays | ?
no Mondays | ?
all Fridays but the first | ?
Monday through Wednesday | 2024-11-18, 2024-11-20 ?
not later than the 20th | ?
earlier than Friday | ?
sooner than Monday | ?
as of Monday | 2024-11-18 ?
starting Monday | 2024-11-18 ?
ending Friday | 2024-11-15 ?
between now and Friday | ?
within two weeks | ?
over the next two weeks | ?
the next two Mondays | ?
for two weeks | ?
for two weeks from Friday | 2024-11-15 ?
two weeks before | ?
a day later | ?
Monday plus two days | ?
maybe Friday | 2024-11-15 ?
Friday if possible | 2024-11-15 ?
Friday, if not Saturday | 2024-11-15 ?
preferably Friday, otherwise Monday | 2024-11-15, 2024-11-18 ?
apart from Monday | ?
avoid Monday | ?
Monday is no good | ?
Monday doesn't work | ?
cancel Monday | 2024-11-18 ?
my birthday is on 3 May | 2025-05-03 ?
a month from the 20th | 2024-12-20 ?
two months after 31 December | 2025-02-28 ?
the 29th of next February | ?
29 Feb 2024 | 2024-02-29
0 May | ?
the 0th | ?
Monday 12:30 | 2024-11-18
May 12:30 | ?
""".strip()

THIRD: Final = """
Friday works for me | 2024-11-15 ?
I am away on Monday | ?
the Monday following next | ?
next next Monday | ?
this week Friday | 2024-11-15 ?
the day of the 3rd of May | 2025-05-03 ?
the eve of 3 May | ?
3rd May or thereabouts | ?
on or about 3 May | ?
on or before 3 May | ?
3 May ish | ?
no earlier than 3 May | ?
starting from 3 May | 2025-05-03 ?
two days prior to Friday | ?
three weeks prior to 1 December | ?
the week of 3 May | ?
week commencing Monday 18 November | ?
Monday to Wednesday | 2024-11-18, 2024-11-20 ?
anything but Friday | ?
save for Friday | ?
Friday aside | ?
bar Monday | ?
minus Friday | ?
Friday morning | 2024-11-15
next Friday morning | 2024-11-22 ?
tomorrow or the day after | ?
today or tomorrow | ?
in 3 or 4 days | ?
in 3 to 5 days | ?
in 3-5 days | ?
3 to 4 weeks from now | ?
about two weeks from now | ?
less than two weeks ago | ?
over a week ago | ?
almost a year ago | ?
more than 3 days before Friday | ?
a good week from Friday | ?
the second of next month | 2024-12-02
the second half of next week | ?
first quarter of next year | ?
last week of May | ?
the first two weeks of May | ?
Monday the 25th of November 2024 | 2024-11-25
Wed, 20 Nov 2024 10:00 | 2024-11-20
Saturday/Sunday | ?
Mon-Wed | 2024-11-18, 2024-11-20 ?
May 1st/2nd | ?
1./2. Mai | ?
never mind Friday, Monday | 2024-11-18 ?
""".strip()

FOURTH: Final = """
a fortnight today | 2024-11-27 ?
two weeks tomorrow | 2024-11-28 ?
the 2nd Sunday after Easter | ?
the 1st quarter | ?
my 30th birthday | ?
a week and two days from now | 2024-11-22 ?
tomorrow's tomorrow | ?
the second-last day of the month | 2024-11-29 ?
next-to-last Friday of November | 2024-11-22 ?
the thirty-second of May | ?
May 3 last year | 2023-05-03 ?
3 May this year | 2024-05-03 ?
the 20th next month | 2024-12-20 ?
5 days short of 1 December | 2024-11-26 ?
two days ahead of Friday | 2024-11-13 ?
Friday + 2 days | 2024-11-17 ?
Friday - 2 days | 2024-11-13 ?
Friday two weeks out | 2024-11-29 ?
Friday, the week after | 2024-11-22 ?
24/7 | ?
Super Bowl Sunday | ?
Casual Friday | ?
Giving Tuesday | 2024-12-03 ?
Mothering Sunday | ?
Advent Sunday | 2024-12-01 ?
the twenty second of May | 2025-05-22 ?
two years ago on 3 May | 2022-05-03, 2023-05-03 ?
a decade from today | 2034-11-13 ?
a century ago today | ?
3 nights from Friday | 2024-11-18 ?
three Fridays from today | 2024-11-29 ?
Friday this time next week | 2024-11-22 ?
4 March '26 | 2026-03-04 ?
the 10th anniversary of 3 May | ?
w/c 18 November | ?
5 May-ish | ?
5 May, give or take | ?
10 May Avenue | ?
may 5 people come? | ?
march 10 miles | ?
"""

SENTENCES: Final = """
I need a table for Friday, please. | 2024-11-15
Book me a flight on the 20th of this month | 2024-11-20
Can I come next Monday at 3 pm? | 2024-11-18
I would like to leave on March 3rd and pay by card | 2025-03-03
I ordered it on Monday and it is broken | 2024-11-11 ?
We arrived on Friday | 2024-11-08 ?
It was delivered on 3 March | 2024-03-03 ?
I was there last Monday | 2024-11-11
I wanted to come on Friday | 2024-11-15 ?
It has been broken since Monday | ?
He sat in the sun and may march second | ?
The first one, please | ?
I do not want Monday | ?
It must not be on Friday | ?
Any time before the 20th | ?
I am free every day except Tuesday | ?
What about Tuesday? | 2024-11-19
How about the 20th? | 2024-11-20
Friday after 5 pm | 2024-11-15
Friday before noon | 2024-11-15
the Friday after Thanksgiving | 2024-11-29 ?
three days before my flight on 3 May | ?
two nights from Friday | 2024-11-15 ?
Not Monday but Tuesday | 2024-11-19 ?
Tuesday, not Monday | 2024-11-19 ?
""".strip()


def cases(listed: str) -> list[tuple[str, frozenset[str], bool]]:
    """Words, the days that may come out, and whether a day must."""
    made = []
    for line in listed.splitlines():
        words, _, outcome = line.rpartition(" | ")
        days = frozenset(outcome.replace("?", "").replace(",", " ").split())
        made.append((words, days, "?" not in outcome))
    return made
