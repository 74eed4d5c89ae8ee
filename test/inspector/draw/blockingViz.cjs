// Stands in for @viz-js/viz: a drawing blocks its thread until the file that the chart names is there.
const { existsSync } = require('node:fs');

const flag = new Int32Array(new SharedArrayBuffer(4));

exports.instance = async () => ({
  /** @param {string} path */
  renderString(path) {
    for (let left = 1_000; left > 0; left--) {
      if (existsSync(path)) return '<svg>released</svg>';
      Atomics.wait(flag, 0, 0, 10);
    }
    return '<svg>never released</svg>';
  },
});
