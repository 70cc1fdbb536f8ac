import Testing

@testable import Differential

/// The shrinker leaves what is needed and nothing else.
struct ShrinkerTests {
    private static func script(_ count: Int) -> [Step] {
        var generator = Generator(random: Random(seed: 7), processes: Play.processes)
        return (0..<count).map { index in
            Step(process: index, user: .root, call: Read(using: &generator))  // the process tells the steps apart
        }
    }

    private static func difference(at step: Int?) -> Difference {
        Difference(step: step, call: "Read", native: Outcome(0), mount: Outcome(-5))!
    }

    @Test(arguments: [[3], [0, 99], [10, 11, 12], [5, 50, 77, 98], Array(0..<20)])
    func onlyTheCallsThatMatterAreLeft(_ needed: [Int]) throws {
        let shrinker = Shrinker { script in
            let present = Set(script.map(\.process))
            return needed.allSatisfy(present.contains) ? Self.difference(at: nil) : nil
        }
        let result = try shrinker.shrink(Self.script(100), showing: Self.difference(at: nil))
        #expect(result.script.map(\.process) == needed)
    }

    @Test func whatComesAfterTheDifferenceIsCutOff() throws {
        let shrinker = Shrinker { script in
            script.firstIndex { $0.process == 40 }.map { Self.difference(at: $0) }
        }
        let result = try shrinker.shrink(Self.script(100), showing: Self.difference(at: 40))
        #expect(result.script.map(\.process) == [40])
    }

    @Test func aDifferenceOfAnotherKindIsNotTakenForTheSame() throws {
        let other = Difference(step: nil, call: "Stat", native: Outcome(0), mount: Outcome(-5))!
        let shrinker = Shrinker { script in script.count < 100 ? other : Self.difference(at: nil) }
        #expect(try shrinker.shrink(Self.script(100), showing: Self.difference(at: nil)).script.count == 100)
    }

    @Test func aSeedMeansTheSameCalls() {
        func drawn() -> [String] {
            var generator = Generator(random: Random(seed: 11, part: 3), processes: Play.processes)
            return (0..<300).map { _ in generator.nextStep().description }
        }
        #expect(drawn() == drawn())
        #expect(Set(drawn().map { $0.prefix { $0 != "(" } }).count > 30)
    }
}
