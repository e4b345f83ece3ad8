"""Attacks the catalog's server over TCP, with the DCE/RPC connection-oriented protocol spoken here.

    hostile.py RUNTIME PORT gone       clients that go in mid-call, at every stage of the protocol
    hostile.py RUNTIME PORT budget     requests for more memory than a call may have
    hostile.py RUNTIME PORT deep       lists so long that the stub recurses deep
    hostile.py RUNTIME PORT long       requests that go on after all that the stub wants
    hostile.py RUNTIME PORT hints      requests that go on where they have said that they do not
    hostile.py RUNTIME PORT malformed SEED COUNT     truncated, bit-flipped and random stub data

RUNTIME is freedce, osf (FreeDCE with stubs made without -midl) or wine; of the last two nothing is asked that
they are known not to do (doc/runtimes.md). Exits with 0 when the server answered as it should, with 124 when
an answer did not come. That it lives, and holds nothing, is for the caller to see.
"""
import collections
import itertools
import random
import socket
import struct
import sys
import time
import uuid

CATALOG = uuid.UUID('4f0e7a52-8c36-4d1b-9a7e-2b61c3d50e94')
NDR = uuid.UUID('8a885d04-1ceb-11c9-9fe8-08002b104860')

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK = 0, 2, 3, 11, 12
FIRST, LAST = 1, 2
HEADER = struct.Struct('<BBBBIHHI')
LITTLE_ENDIAN = 0x10
REMOTE_NO_MEMORY = 0x1c00001b

(TITLE, SEARCH, MIRROR, ANNOTATE, SCAN, CHECK, INDEX, OPEN_SHELF, PUT, CLOSE_SHELF,
 STATUS, LEND, READ, RETURN) = range(14)

ON_WINE = sys.argv[1] == 'wine'
ON_OSF = sys.argv[1] == 'osf'
PATIENCE = 5 if ON_WINE else 20

# --- stub data ----------------------------------------------------------------------------------


def longs(*numbers):
    return struct.pack(f'<{len(numbers)}i', *numbers)


def string(text):
    """A [unique, string] pointer that is not null, and what it leads to."""
    data = text.encode() + b'\0'
    return longs(1, len(data), 0, len(data)) + data + b'\0' * (-len(data) % 4)


def relations(count):
    """A list, by right: a node's number, null, and the identifier of the next one."""
    nodes = (longs(i, 0, i + 2 if i + 1 < count else 0) for i in range(count))
    return longs(1) + b''.join(nodes)


VALID = {
    TITLE: longs(7),
    SEARCH: longs(1, 10, 5),
    MIRROR: relations(20),
    ANNOTATE: longs(7) + string('a note that the client has'),
    SCAN: longs(7, 1000),
    CHECK: longs(400, 400) + bytes(400),
    INDEX: longs(100),
    OPEN_SHELF: string('a hostile client'),
    PUT: bytes(20) + longs(7),
    CLOSE_SHELF: bytes(20),
    STATUS: b'',
    LEND: longs(7, 1000) + bytes(20),
    READ: bytes(20) + longs(0, 1000),
    RETURN: bytes(20),
}

# --- the protocol -------------------------------------------------------------------------------


def pdu(kind, body, flags=FIRST | LAST, call=1):
    return HEADER.pack(5, 0, kind, flags, LITTLE_ENDIAN, HEADER.size + len(body), 0, call) + body


def bind():
    syntaxes = CATALOG.bytes_le + struct.pack('<I', 1) + NDR.bytes_le + struct.pack('<I', 2)
    return pdu(BIND, struct.pack('<HHIIHH', 4280, 4280, 0, 1, 0, 1) + syntaxes)


def request(operation, data, fragment=4000):
    """The PDUs of a request, in one string."""
    pdus = []
    for at in range(0, max(len(data), 1), fragment):
        part = data[at:at + fragment]
        flags = (FIRST if at == 0 else 0) | (LAST if at + fragment >= len(data) else 0)
        pdus.append(pdu(REQUEST, struct.pack('<IHH', len(data), 0, operation) + part, flags))
    return b''.join(pdus)


def fault_status(body):
    """Where the status is 0, FreeDCE sends its own as stub data."""
    return struct.unpack_from('<I', body, 8)[0] or struct.unpack_from('<I', body, 16)[0]


class Gone(Exception):
    """The server has closed the connection."""


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send = self.socket.sendall

    def receive(self, count):
        data = b''
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise Gone
            data += more
        return data

    def receive_pdu(self):
        header = HEADER.unpack(self.receive(HEADER.size))
        return header[2], header[3], self.receive(header[5] - HEADER.size)

    def bind(self):
        self.send(bind())
        assert self.receive_pdu()[0] == BIND_ACK
        return self

    def call(self, operation, data):
        """Of a response its stub data, of a fault its status."""
        self.send(request(operation, data))
        return self.receive_answer()

    def call_in_parts(self, operation, parts, hints=()):
        """A request of these fragments and many more, each of which tells how much is to come at least,
        where `hints` has nothing else to tell."""
        parts = parts + [bytes(4000)] * 20
        for i, (part, hint) in enumerate(itertools.zip_longest(parts, hints, fillvalue=1 << 20)):
            flags = (FIRST if i == 0 else 0) | (LAST if i + 1 == len(parts) else 0)
            self.send(pdu(REQUEST, struct.pack('<IHH', hint, 0, operation) + part, flags))
        return self.receive_answer()

    def receive_answer(self):
        answer = b''
        while True:
            kind, flags, body = self.receive_pdu()
            if kind == FAULT:
                return fault_status(body)
            assert kind == RESPONSE
            answer += body[8:]
            if flags & LAST:
                return answer

    def close(self, at_once=False):
        """By a reset, as the system does for a program that is killed with data unread; or not."""
        if at_once:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()


# --- the attacks --------------------------------------------------------------------------------


def connected(connection):
    pass


def bind_sent(connection):
    connection.send(bind())


def bound(connection):
    connection.bind()


def header_sent(connection):
    connection.bind().send(request(CHECK, VALID[CHECK])[:24])


def half_sent(connection):
    data = request(CHECK, longs(20000, 20000) + bytes(20000))
    connection.bind().send(data[:len(data) // 2])


def all_sent(connection):
    connection.bind().send(request(SCAN, longs(7, 100000)))


def half_received(connection):
    all_sent(connection)
    connection.receive(50000)


def shelf_opened(connection):
    connection.bind().call(OPEN_SHELF, VALID[OPEN_SHELF])


def lent(connection):
    connection.bind().call(LEND, VALID[LEND])


STAGES = (connected, bind_sent, bound, header_sent, half_sent, all_sent, half_received,
          shelf_opened, lent)


def gone(port):
    for stage in STAGES:
        for i in range(50):
            connection = Connection(port)
            stage(connection)
            connection.close(at_once=i % 2 == 0)
        assert len(Connection(port).bind().call(STATUS, b'')) == 8, 'a fault for who came next'
        print(f'50 clients have gone: {stage.__name__}')


def budget(port):
    too_much = 8 << 20
    requests = [(INDEX, longs(1 << 20)), (SEARCH, longs(1, 0, 1 << 30))]
    if not ON_WINE:  # whose stub reads an array where it came in
        requests.append((CHECK, longs(too_much, too_much) + bytes(too_much)))
    for operation, data in requests:
        refused = Connection(port).bind().call(operation, data)
        assert refused == REMOTE_NO_MEMORY, refused
        assert len(Connection(port).bind().call(STATUS, b'')) == 8, 'a fault for who came next'


def deep(port, most):
    for nodes in (each for each in (10000, 20000, 100000, 400000) if each <= int(most)):
        try:
            answer = Connection(port).bind().call(MIRROR, relations(nodes))
        except Gone:
            assert ON_OSF, 'the connection closed'
            answer = REMOTE_NO_MEMORY
        print(f'{nodes} nodes:', 'refused' if answer == REMOTE_NO_MEMORY else f'{len(answer)} bytes')


def long(port):
    for operation in STATUS, TITLE, INDEX:
        for length in 1, 5000, 100000, 1000000:
            answer = Connection(port).bind().call(operation, VALID[operation] + bytes(length))
            assert isinstance(answer, bytes), f'fault {answer:#x} for {length} bytes too many'
    for empty_at in 0, 1, 2:
        parts = [VALID[TITLE], bytes(400)]
        parts.insert(empty_at, b'')
        for _ in range(20):
            answer = Connection(port).bind().call_in_parts(TITLE, parts)
            assert isinstance(answer, bytes), f'fault {answer:#x} for an empty fragment'


def hints(port):
    data = relations(10000)
    parts = [data[at:at + 8000] for at in range(0, len(data), 8000)]
    for wrong_at in 1, 2, len(parts):
        for _ in range(200):
            told = [1 << 20] * wrong_at + [0]
            answer = Connection(port).bind().call_in_parts(MIRROR, parts, told)
            assert isinstance(answer, int), 'an answer to half of a request'


def truncate(chance, data):
    return data[:chance.randrange(len(data) + 1)]


def flip_bits(chance, data):
    flipped = bytearray(data)
    for _ in range(chance.randint(1, 8) if data else 0):
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def randomize(chance, data):
    return chance.randbytes(chance.randrange(2 * len(data) + 8))


def malform(chance, operation, data):
    if ON_WINE and operation == MIRROR:  # which has as much memory as a full pointer's number
        return truncate(chance, data)
    if ON_OSF and operation in (SCAN, READ):  # whose answer may be of 2 GiB, whatever the budget is
        return truncate(chance, data)
    return chance.choice((truncate, flip_bits, randomize))(chance, data)


def open_well(port):
    """A connection, and stub data for each operation with a context handle that is good on it."""
    connection = Connection(port).bind()
    shelf = connection.call(OPEN_SHELF, VALID[OPEN_SHELF])
    lending = connection.call(LEND, VALID[LEND])[:20]
    valid = {**VALID, PUT: shelf + longs(7), CLOSE_SHELF: shelf, LEND: longs(7, 1000) + lending,
             READ: lending + longs(0, 1000), RETURN: lending}
    for operation, data in valid.items():
        if operation not in (CLOSE_SHELF, RETURN):
            assert isinstance(connection.call(operation, data), bytes), operation
    return connection, valid


def malformed(port, seed, count):
    chance, outcomes, connection = random.Random(seed), collections.Counter(), None
    for i in range(int(count)):
        try:
            if not connection or i % 1000 == 0:
                connection, valid = open_well(port)
            operation = chance.randrange(len(valid))
            data = malform(chance, operation, valid[operation])
            answer = connection.call(operation, data)
            outcomes[f'fault {answer:#x}' if isinstance(answer, int) else 'answered'] += 1
        except (Gone, ConnectionError):
            outcomes['the connection closed'] += 1
            connection = None
        except socket.timeout:
            outcomes['no answer'] += 1
            connection = None
    for outcome, number in outcomes.most_common():
        print(f'{number:8} {outcome}')
    assert outcomes['no answer'] <= (int(count) // 100 if ON_WINE else 0)


if __name__ == '__main__':
    try:
        attacks = gone, budget, deep, long, hints, malformed
        {attack.__name__: attack for attack in attacks}[sys.argv[3]](int(sys.argv[2]), *sys.argv[4:])
    except socket.timeout:
        sys.exit(124)
