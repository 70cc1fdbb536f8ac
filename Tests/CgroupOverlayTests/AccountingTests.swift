import Testing

@testable import CgroupOverlay

/// The parts of accounting, without processes.
@Suite struct AccountingTests {
    private func reading(_ running: UInt64, processor: Int = 0, ticks: (UInt64, UInt64) = (0, 0)) -> TaskReading {
        var reading = TaskReading()
        reading.threads[7] = .init(running: running, waited: 0, processor: processor)
        (reading.userTicks, reading.systemTicks) = ticks
        reading.processor = processor
        return reading
    }

    @Test func stepsGoToTheProcessorOfTheLook() {
        let task = TrackedTask(CgroupMember(pid: 7, start: 1))
        let account = group()
        for (running, processor) in [(100, 0), (400, 2), (500, 0)] as [(UInt64, Int)] {
            account.count(task.take(reading(running, processor: processor), disks: DiskShares(), now: 1).step)
        }
        #expect(account.total.processors.map { $0.user + $0.system } == [200, 0, 300])
        #expect(account.total.counters.time == 500)
    }

    /// Two readers may take in their readings in the wrong order, and the kernel's division of time goes back and forth.
    @Test func nothingShrinks() {
        let task = TrackedTask(CgroupMember(pid: 7, start: 1))
        var last = TaskCounters()
        var total: UInt64 = 0
        for _ in 0..<10_000 {
            total += .random(in: 0...5_000_000)
            let read = total - .random(in: 0...min(total, 20_000_000))
            let whole = read / 10_000_000
            let user = UInt64.random(in: 0...whole)
            let ticks = (user * 10_000_000, (whole - user) * 10_000_000)
            let step = task.take(reading(read, ticks: ticks), disks: DiskShares(), now: 1).step
            let now = task.ledger.counters
            #expect(now[.user] >= last[.user] && now[.system] >= last[.system] && now.time <= total)
            #expect(now.time - last.time == step.processors.reduce(0) { $0 + $1.time.user + $1.time.system })
            last = now
        }
        _ = task.take(reading(total), disks: DiskShares(), now: 1)
        #expect(task.ledger.counters.time == total)
    }

    /// Threads that have exited show in ticks alone.
    @Test func ticksCatchUp() {
        let task = TrackedTask(CgroupMember(pid: 7, start: 1))
        _ = task.take(reading(1_000_000), disks: DiskShares(), now: 1)
        _ = task.take(reading(2_000_000, ticks: (50_000_000, 10_000_000)), disks: DiskShares(), now: 2)
        #expect(task.ledger.counters.time == 60_000_000)
        _ = task.take(reading(3_000_000, ticks: (50_000_000, 10_000_000)), disks: DiskShares(), now: 3)
        #expect(task.ledger.counters.time == 61_000_000)
        var exited = TaskExits.Exited()
        exited.counters[.user] = 70_000_000
        exited.counters[.readBytes] = 5
        _ = task.take(exited, disks: DiskShares())
        #expect(task.ledger.counters.time == 70_000_000 && task.ledger.counters[.readBytes] == 5)
    }

    private func group(in parent: GroupAccount? = nil) -> GroupAccount {
        let root = parent ?? Self.root
        return GroupAccount(CgroupGroup(place: 5, generation: 0), in: root, controllers: .unified)
    }
    private nonisolated(unsafe) static let root = GroupAccount(
        CgroupGroup(place: 1, generation: 0), in: nil, controllers: .unified)

    @Test func sumsAndPeaks() {
        let above = group()
        let below = group(in: above)
        var memory = TaskMemory()
        memory[.anonymous] = 100
        below.count(memory, excess: 50)
        #expect(above.memory.current == 100 && above.peaks.memory == 150 && above.ownMemory.current == 0)
        below.count(TaskMemory().difference(from: memory))
        #expect(above.memory.current == 0 && below.peaks.memory == 150)
        var step = UsageStep()
        step.counters[.user] = 9
        below.count(step)
        above.resetTime()
        #expect(above.total.counters.time == 0 && below.total.counters.time == 9)
    }

    @Test func bytesGoToBusyDisks() {
        let disks = (0..<3).map { CgroupDevice(major: 8, minor: $0) }
        func done(_ bytes: [UInt64]) -> [BlockIOFigures] {
            zip(disks, bytes).map { device, bytes in
                var figures = BlockIOFigures(device: device)
                figures.readBytes = bytes
                return figures
            }
        }
        var shares = DiskShares()
        shares.update(done([1000, 1000, 1000]))
        shares.update(done([1000, 4000, 2000]))
        var step = TaskCounters()
        step[.readBytes] = 1_000_001
        step[.readCalls] = 1_000_000
        let parts = shares.divide(step).sorted { $0.device < $1.device }
        #expect(parts.map(\.device) == [disks[1], disks[2]])
        #expect(parts.reduce(0) { $0 + $1.readBytes } == 1_000_001 && parts[0].readBytes == 750_000)
        // No more requests than pages.
        #expect(parts.reduce(0) { $0 + $1.reads } == 245)
        shares.update(done([1000, 4000, 2000]))
        #expect(shares.divide(step).count == 2)
    }

    @Test func pressureOfOneTaskIsExact() {
        var pressure = GroupPressure()
        for _ in 0..<1000 {
            pressure.add(ran: 500, waited: 250, waitedForDisk: 0, threads: 1, length: 1000)
            pressure.end(length: 1_000_000_000 / 1000 * 1000)
        }
        #expect(pressure.cpu.some.average10 == 2500 || pressure.cpu.some.average10 == 2499)
        #expect(pressure.cpu.full.total == pressure.cpu.some.total)
        #expect(pressure.cpu.some.total == 250_000_000)
        #expect(pressure.io == PressureFigures())
    }

    @Test func periodsOfAQuota() {
        var quota = QuotaPeriods()
        quota.look(10, 100, now: 1000, time: 5)
        quota.look(10, 100, now: 1250, time: 20)
        #expect(quota.periods == 2 && quota.exceeded == 0)
        quota.look(10, 100, now: 1300, time: 40)
        #expect(quota.periods == 3 && quota.exceeded == 1)
        quota.look(10, 100, now: 2000, time: 40)
        #expect(quota.periods == 3)
        quota.look(nil, 100, now: 3000, time: 4000)
        quota.look(10, 100, now: 3500, time: 4000)
        quota.look(10, 100, now: 3600, time: 4001)
        #expect(quota.periods == 4 && quota.exceeded == 1)
    }
}
