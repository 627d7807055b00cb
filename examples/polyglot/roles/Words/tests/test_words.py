import asyncio
import unittest

from role import Words
from words import ignored, longest, words_of

from wasm_roles import Protocol, environment
from wasm_roles.testing import DefinedRole, Installed, TestEnvironment


def service() -> Installed:
    words = DefinedRole("Words").internal_endpoint("Words", Protocol.TCP, 20000)
    ledger = DefinedRole("Ledger").internal_endpoint("Book", Protocol.TCP, 20001)
    checksum = DefinedRole("Checksum").internal_endpoint("Sum", Protocol.TCP, 20002)
    return TestEnvironment(words).role(ledger).role(checksum).setting("IgnoredWords", "the, a, of").install()


async def stand_in(role: str, endpoint: str, line: str) -> None:
    """Another worker, that always gives this answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(line.encode())
        writer.close()

    address = environment.role(role).instances[0].endpoint(endpoint).socket_address
    await asyncio.start_server(answer, *address)


async def say(question: bytes) -> str:
    address = environment.current_instance().endpoint("Words").socket_address
    reader, writer = await asyncio.open_connection(*address)
    writer.write(question)
    writer.write_eof()
    answer = (await reader.read()).decode()
    writer.close()
    return answer


class Counting(unittest.TestCase):
    def test_words_lose_the_punctuation_around_them(self) -> None:
        for text, words in [
            ("The cat, the hat.", ["cat", "hat"]),
            ("it's (well) known -- really!", ["it's", "well", "known", "really"]),
            ("Größe  zählt\tnicht", ["Größe", "zählt", "nicht"]),
            ("the A of", []),
            ("", []),
        ]:
            self.assertEqual(words_of(text, ignored("the, a,, of")), words)

    def test_the_first_of_the_longest_words_counts(self) -> None:
        self.assertEqual(longest(["one", "three", "seven"]), "three")
        self.assertEqual(longest([]), "-")


class Answering(unittest.TestCase):
    def test_what_the_others_know_is_part_of_the_answer(self) -> None:
        with service() as double:
            double.start(Words)
            double.call(stand_in("Checksum", "Sum", "OK cafe0000 Checksum_IN_0\n"))
            double.call(stand_in("Ledger", "Book", "OK 3 Ledger_IN_0\n"))
            answer = double.call(say(b"ANALYSE the quick brown fox\n"))
        self.assertEqual(answer, "OK 3 quick cafe0000 3 Words_IN_0 Checksum_IN_0 Ledger_IN_0\n")

    def test_a_text_without_words_has_no_longest_one(self) -> None:
        with service() as double:
            double.start(Words)
            double.call(stand_in("Checksum", "Sum", "OK 00000000 Checksum_IN_0\n"))
            double.call(stand_in("Ledger", "Book", "OK 1 Ledger_IN_0\n"))
            answer = double.call(say(b"ANALYSE ...\n"))
        self.assertEqual(answer, "OK 0 - 00000000 1 Words_IN_0 Checksum_IN_0 Ledger_IN_0\n")

    def test_who_does_not_answer_is_named(self) -> None:
        with service() as double:
            double.start(Words)
            self.assertRegex(double.call(say(b"ANALYSE x\n")), "^ERROR Checksum: .*Connection refused\n$")
            double.call(stand_in("Checksum", "Sum", "OK cafe0000 Checksum_IN_0\n"))
            double.call(stand_in("Ledger", "Book", "ERROR the book is full\n"))
            self.assertEqual(double.call(say(b"ANALYSE x\n")), "ERROR Ledger: the book is full\n")

    def test_what_is_no_question_is_refused(self) -> None:
        with service() as double:
            double.start(Words)
            for question, why in [
                (b"SING x\n", "nobody knows the verb `SING`"),
                (b"\n", "nobody knows the verb ``"),
                (b"ANALYSE x", "the line has no end"),
                (b"ANALYSE " + b"x" * 5000 + b"\n", "a line has 4096 bytes at most"),
                (b"ANALYSE \xff\n", "the line is no UTF-8"),
            ]:
                self.assertEqual(double.call(say(question)), f"ERROR {why}\n")
