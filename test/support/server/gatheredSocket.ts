import { Duplex } from 'node:stream';
import type { Gathering } from '../../../src/actors/runtime/gathering.js';
import { type SocketListener, SocketWrapper } from '../../../src/actors/transport/socket.js';
import { Outlet, type OutletListener } from '../../../src/server/socket/outlet.js';
import type { FakeSocket } from './fakeSocket.js';

/** An outlet to a fake socket. */
class FakeOutlet extends Outlet {
  constructor(
    private readonly fake: FakeSocket,
    listener: OutletListener,
    gathering: Gathering,
  ) {
    super(new Duplex(), listener, { gathering, counters: { lateWrites: 0 } });
  }

  override get isOpen(): boolean {
    return this.fake.outlet.writable;
  }
  get writable(): boolean {
    return this.fake.outlet.writable;
  }
  get writableNeedDrain(): boolean {
    return this.fake.backlog > 0;
  }
  protected get queued(): number {
    return this.fake.backlog;
  }
  protected put(bytes: Uint8Array): boolean {
    return this.fake.outlet.write(bytes);
  }
  /** Called when the fake socket has drained. */
  override drained(): void {
    super.drained();
  }
}

/** A fake socket whose frames are held back as those of a real one are (BC15). */
export class GatheredSocket extends SocketWrapper implements OutletListener {
  readonly outlet: FakeOutlet;

  constructor(
    fake: FakeSocket,
    private readonly gathering: Gathering,
  ) {
    super(fake);
    this.outlet = new FakeOutlet(fake, this, gathering);
    this.attach = (listener) => {
      this.listen(listener);
      fake.listen(this);
    };
  }

  readonly attach: (listener: SocketListener) => void;

  override get backlog(): number {
    return this.outlet.backlog;
  }
  override write(bytes: Uint8Array): boolean {
    return this.writable && this.outlet.write(bytes);
  }
  override close(code: number, text: string): void {
    this.outlet.flush();
    super.close(code, text);
  }
  override destroy(): void {
    this.outlet.flush();
    super.destroy();
  }
  override socketOnMessage(data: string | Uint8Array, isText?: boolean): void {
    const outer = this.gathering.beginWork();
    super.socketOnMessage(data, isText);
    this.gathering.end(outer);
  }
  override socketOnDrain(): void {
    this.outlet.drained();
  }
  outletOnFull(): void {
    this.filled();
  }
  outletOnDrain(): void {
    super.socketOnDrain();
  }
}
