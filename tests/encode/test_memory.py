"""The same content is encoded once, and memory has an end."""

import threading

from aisle.encode.memory import Memory, content_key


class Counting:
    """Makes a value of each content, and counts."""

    def __init__(self, contents):
        self.keys = [content_key(content.encode()) for content in contents]
        self.contents = contents
        self.made = []

    def __call__(self, places):
        self.made += [self.contents[place] for place in places]
        return [self.contents[place].upper() for place in places]


def ask(memory, text):
    make = Counting(text.split())
    return memory.read(make.keys, make), make.made


def test_each_content_of_a_call_is_made_once_and_given_to_all():
    assert ask(Memory(), "a b a c b a") == (["A", "B", "A", "C", "B", "A"], ["a", "b", "c"])


def test_without_room_nothing_outlives_a_call():
    memory = Memory(0)
    ask(memory, "a")
    assert ask(memory, "a")[1] == ["a"]


def test_what_was_asked_least_recently_goes_first():
    memory = Memory(2)
    ask(memory, "a b")
    assert ask(memory, "a c") == (["A", "C"], ["c"])
    assert ask(memory, "a")[1] == []
    assert ask(memory, "b")[1] == ["b"]


def test_a_call_may_be_larger_than_the_memory():
    memory = Memory(2)
    assert ask(memory, "a b c d a")[0] == ["A", "B", "C", "D", "A"]
    assert ask(memory, "d")[1] == []
    memory.clear()
    assert ask(memory, "d")[1] == ["d"]
    assert ask(memory, "") == ([], [])


def test_what_fails_is_not_remembered():
    memory = Memory(5)

    def fail(places):
        raise OSError("no encoder")

    key = content_key(b"a")
    for _ in range(2):
        try:
            memory.read([key], fail)
        except OSError:
            continue
        raise AssertionError("the error was swallowed")
    assert memory.read([key], lambda places: ["A"]) == ["A"]


def test_threads_get_their_own_answers():
    memory = Memory(3)
    wrong = []

    def work(seed):
        for round_ in range(200):
            words = [chr(97 + (seed * 7 + round_ * step) % 11) for step in range(5)]
            make = Counting(words)
            if memory.read(make.keys, make) != [word.upper() for word in words]:
                wrong.append(words)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
