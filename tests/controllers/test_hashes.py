"""Hashes in names: the same everywhere and always, in letters a name may have."""

from k8s_ref.controllers.hashes import ALPHABET, fnv32a, hash_of, safe_encode


def test_the_hash_is_fnv_1a():
    assert fnv32a(b"") == 0x811C9DC5
    assert fnv32a(b"a") == 0xE40C292C


def test_the_order_of_keys_does_not_count_and_every_value_does():
    assert hash_of({"a": 1, "b": 2}) == hash_of({"b": 2, "a": 1})
    assert hash_of({"a": 1}) != hash_of({"a": 2})


def test_each_collision_gives_another_name():
    names = [hash_of({"a": 1}, count) for count in (None, 0, 1, 2)]
    assert len(set(names)) == 4


def test_only_letters_of_the_alphabet_come_out():
    assert set(safe_encode("0123456789")) <= set(ALPHABET)
