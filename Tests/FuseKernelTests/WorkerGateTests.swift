import Glibc
import Synchronization
import Testing

@testable import FuseKernel

@Suite(.timeLimit(.minutes(1))) struct WorkerGateTests {
    /// Workers of a gate that take requests from a pipe of tokens; what a token does is up to the test.
    private final class Crew: Sendable {
        let gate: WorkerGate
        let readers = Atomic<Int>(0)
        let mostReaders = Atomic<Int>(0)
        let served = Atomic<Int>(0)
        let ended = Atomic<Int>(0)
        let pipe: (read: Int32, write: Int32)

        init(_ count: Int, least: Int = 1, serve: @escaping @Sendable (UInt8) -> Void) throws {
            gate = try WorkerGate(workers: count, least: least)
            var ends: [Int32] = [0, 0]
            try #require(Glibc.pipe(&ends) == 0)
            pipe = (ends[0], ends[1])
            try Thread.start { [gate] in gate.supervise() }
            for worker in 0..<count {
                try Thread.start { [self] in
                    while gate.waitForTurn(worker) {
                        let now = readers.add(1, ordering: .relaxed).newValue
                        _ = mostReaders.max(now, ordering: .relaxed)
                        var token: UInt8 = 0
                        let length = read(pipe.read, &token, 1)
                        readers.subtract(1, ordering: .relaxed)
                        guard length == 1 else { break }
                        gate.requestBegan(worker)
                        serve(token)
                        gate.requestEnded(worker)
                        served.add(1, ordering: .relaxed)
                    }
                    gate.close()
                    ended.add(1, ordering: .relaxed)
                }
            }
        }

        deinit { close(pipe.read) }

        func send(_ token: UInt8) {
            var token = token
            _ = write(pipe.write, &token, 1)
        }

        func hangUp() { close(pipe.write) }
    }

    /// What requests that do not end wait for.
    private final class Hold: Sendable {
        let isOver = Atomic<Bool>(false)
        let waiting = Atomic<Int>(0)

        func wait() {
            waiting.add(1, ordering: .relaxed)
            while !isOver.load(ordering: .acquiring) { usleep(1000) }
        }
    }

    private func wait(until condition: () -> Bool) {
        while !condition() { usleep(1000) }
    }

    @Test(arguments: [1, 2]) func fewReadersServeWhatIsQuick(_ least: Int) throws {
        let crew = try Crew(4, least: least) { _ in }
        var count = 0
        // A worker that the machine keeps from running looks as if its request took long: others come, and leave again.
        repeat {
            crew.mostReaders.store(0, ordering: .relaxed)
            for _ in 0..<100 {
                count += 1
                crew.send(0)
                wait { crew.served.load(ordering: .relaxed) >= count }
            }
        } while crew.mostReaders.load(ordering: .relaxed) != least
        crew.hangUp()
        wait { crew.ended.load(ordering: .relaxed) == 4 }
    }

    /// Three requests that do not end hold up neither each other nor what comes after them.
    @Test(arguments: [1, 2]) func othersJoinWhileRequestsTakeLong(_ least: Int) throws {
        let hold = Hold()
        let crew = try Crew(4, least: least) { token in if token == 1 { hold.wait() } }
        for _ in 0..<3 { crew.send(1) }
        wait { hold.waiting.load(ordering: .relaxed) == 3 }
        crew.send(0)
        wait { crew.served.load(ordering: .relaxed) == 1 }
        hold.isOver.store(true, ordering: .releasing)
        wait { crew.served.load(ordering: .relaxed) == 4 }
        crew.hangUp()
        wait { crew.ended.load(ordering: .relaxed) == 4 }
    }

    /// After a pause in which the supervisor falls asleep a request that does not end is noticed all the same.
    @Test func supervisorWakesUp() throws {
        let hold = Hold()
        let crew = try Crew(2) { token in if token == 1 { hold.wait() } }
        usleep(WorkerGate.interval * 60)
        crew.send(1)
        crew.send(0)
        wait { crew.served.load(ordering: .relaxed) == 1 }
        hold.isOver.store(true, ordering: .releasing)
        wait { crew.served.load(ordering: .relaxed) == 2 }
        crew.hangUp()
        wait { crew.ended.load(ordering: .relaxed) == 2 }
    }
}
