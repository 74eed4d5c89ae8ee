import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import tsBlankSpace from 'ts-blank-space';
import { describe, expect, test } from 'vitest';
import * as xstate from 'xstate';
import { connectionMachine, linkMachine, namespaceMachine, roomMachine, supervisorMachine } from '../../src/index.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const machines = 'src/machines/';
const charts: Readonly<Record<string, Made>> = {
  [`${machines}supervisor.ts`]: supervisorMachine,
  [`${machines}connection.ts`]: connectionMachine,
  [`${machines}namespace.ts`]: namespaceMachine,
  [`${machines}room.ts`]: roomMachine,
  [`${machines}link.ts`]: linkMachine,
};

/** What an editor of statecharts has ready for code that is pasted into it. */
const given: Readonly<Record<string, unknown>> = {
  ...{ setup: xstate.setup, createMachine: xstate.createMachine, assign: xstate.assign, raise: xstate.raise },
  ...{ sendTo: xstate.sendTo, sendParent: xstate.sendParent, log: xstate.log, cancel: xstate.cancel },
  ...{ enqueueActions: xstate.enqueueActions, spawnChild: xstate.spawnChild, stopChild: xstate.stopChild },
  ...{ and: xstate.and, or: xstate.or, not: xstate.not, stateIn: xstate.stateIn },
  ...{ fromPromise: xstate.fromPromise, fromCallback: xstate.fromCallback, fromTransition: xstate.fromTransition },
};

const imports = /^import \{([^}]*)\} from 'xstate';$/gm;

/** What is looked at of a machine. */
interface Made {
  readonly id: string;
  readonly config: object;
  readonly root: { readonly states: Readonly<Record<string, { readonly states: object }>> };
}

/** Runs a file as such an editor does: without types, imports and exports, as a script. Returns what it has made. */
const paste = (file: string): Made[] => {
  const text = readFileSync(root + file, 'utf8');
  const plain = file.endsWith('.ts') ? tsBlankSpace(text) : text;
  const script = plain.replaceAll(imports, '').replaceAll(/^export /gm, '');
  const made: Made[] = [];
  const noting = (config: never) => {
    const prepared = xstate.setup(config);
    const createMachine = (chart: never): Made => {
      const machine = prepared.createMachine(chart);
      made.push(machine);
      return machine;
    };
    return { ...prepared, createMachine };
  };
  const [names, values] = [Object.keys(given), Object.values({ ...given, setup: noting })];
  new Function(...names, script)(...values);
  return made;
};

const plainly = ({ config }: Made): unknown => JSON.parse(JSON.stringify(config));

describe('a machine file that is pasted into an editor of statecharts', () => {
  test('[IN18] is any of them', () => {
    expect(
      readdirSync(root + machines)
        .map((name) => machines + name)
        .sort(),
    ).toEqual(Object.keys(charts).sort());
  });

  test.each(Object.entries(charts))('[IN18] %s is the chart that runs', (file, machine) => {
    const [pasted, ...others] = paste(file);
    expect(others).toEqual([]);
    expect(pasted && plainly(pasted)).toEqual(plainly(machine));
    expect(plainly(machine)).toMatchObject({ id: machine.id, description: expect.any(String) });
  });

  test.each(Object.keys(charts))('[IN18] %s imports only what such an editor has', (file) => {
    const text = readFileSync(root + file, 'utf8');
    const names = Array.from(text.matchAll(imports), ([, list = '']) => list.split(',').map((name) => name.trim()));
    expect(names).toHaveLength(1);
    expect(names.flat().filter((name) => !(name in given))).toEqual([]);
    expect(text.match(/\bimport\b/g)).toHaveLength(1);
  });

  test('[IN18] [SV20] a copy that was edited by hand can be pasted there as well', () => {
    const [pasted] = paste('examples/machines/login/connection.js');
    expect(pasted?.root.states['acknowledging']?.states).toHaveProperty('login');
  });
});
