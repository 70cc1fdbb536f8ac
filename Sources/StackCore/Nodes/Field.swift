import Synchronization

/// Records of the arena, field by field: different threads use different fields of one at the same time, while `pointee.field = x` would
/// be an access to the whole record as the law of exclusivity has it.
extension UnsafeMutablePointer {
    @inline(__always)
    private func address<Value>(_ field: KeyPath<Pointee, Value>) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(self) + MemoryLayout<Pointee>.offset(of: field).unsafelyUnwrapped
    }

    /// A stored field, and nothing else of the record.
    @inline(__always)
    subscript<Value>(_ field: KeyPath<Pointee, Value>) -> Value {
        get { address(field).assumingMemoryBound(to: Value.self).pointee }
        nonmutating set { address(field).assumingMemoryBound(to: Value.self).pointee = newValue }
    }

    /// A stored field that is read and written atomically.
    @inline(__always)
    func atomic<Value>(_ field: KeyPath<Pointee, Value>) -> UnsafePointer<Atomic<Value>> {
        UnsafePointer(address(field).assumingMemoryBound(to: Atomic<Value>.self))
    }
}
