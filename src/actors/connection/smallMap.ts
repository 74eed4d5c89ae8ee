const nothing: readonly never[] = [];

/**
 * Values by name, in the order in which they were set first. It holds a single value itself: most connections are in one
 * namespace and one room, and a `Map` takes 180 bytes for its first entry.
 */
export class SmallMap<Value extends object> {
  /** The name of the only value. Without a meaning while there is none, or more than one. */
  #name = '';
  #only: Value | undefined;
  /** All values, once there have been two. */
  #all: Map<string, Value> | undefined;

  /** The number of values. */
  get size(): number {
    if (this.#all) return this.#all.size;
    return this.#only ? 1 : 0;
  }

  /** Returns the value of this name. */
  get(name: string): Value | undefined {
    if (this.#all) return this.#all.get(name);
    return this.#name === name ? this.#only : undefined;
  }
  /** Returns whether there is a value of this name. */
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Sets the value of this name. */
  set(name: string, value: Value): void {
    if (!this.#all && this.#only && this.#name !== name) this.#all = new Map([[this.#name, this.#only]]);
    if (this.#all) {
      this.#all.set(name, value);
      this.#only = undefined;
      return;
    }
    this.#name = name;
    this.#only = value;
  }

  /** Removes the value of this name. */
  delete(name: string): void {
    if (this.#all) this.#all.delete(name);
    else if (this.#name === name) this.#only = undefined;
    if (this.#all?.size === 0) this.#all = undefined;
  }

  /** Returns the names. Do not change the map while they are iterated over. */
  keys(): Iterable<string> {
    return this.#all?.keys() ?? (this.#only ? [this.#name] : nothing);
  }
  /** Returns the names and their values. Do not change the map while they are iterated over. */
  entries(): Iterable<readonly [string, Value]> {
    return this.#all?.entries() ?? (this.#only ? [[this.#name, this.#only]] : nothing);
  }
  /** Returns the values. Do not change the map while they are iterated over. */
  values(): Iterable<Value> {
    return this.#all?.values() ?? (this.#only ? [this.#only] : nothing);
  }
}
