import Testing

@testable import CgroupOverlay

@Suite struct CgroupSetTests {
    @Test func equalWhateverTheOrder() {
        #expect(CgroupSet([1, 70, 3]) == CgroupSet([70, 3, 1]))
        #expect(CgroupSet([1, 70]).intersection(CgroupSet([1])) == CgroupSet([1]))
        #expect(CgroupSet([5, 64, 4095]).numbers == [5, 64, 4095])
    }
}
