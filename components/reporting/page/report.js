"use strict";
// Unpacks the chart library, draws each chart with the tables it names, and links what is brushed in one to all.
(async () => {
  const unpacked = async (id) => {
    const text = atob(document.getElementById(id).textContent);
    const packed = new Blob([Uint8Array.from(text, (character) => character.charCodeAt(0))]);
    return new Response(packed.stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  let charts, tables;
  const drawn = [];
  const brushes = new Map(); // chart -> what its brush holds, column to range or values
  const number = (value) => typeof value === "number";

  const holds = (row, column, wanted) =>
    wanted.length === 2 && wanted.every(number) && number(row[column])
      ? row[column] >= Math.min(...wanted) && row[column] <= Math.max(...wanted)
      : wanted.includes(row[column]);

  // A brush over the axes picks the trials whose line passes through it on every axis that it covers.
  const pickedBy = (brush) => {
    if (!("axis" in brush)) {
      const inside = (row) => Object.entries(brush).every(([column, wanted]) => holds(row, column, wanted));
      return new Set(tables.trials.filter(inside).map((row) => row.trial));
    }
    const covered = tables.lines.filter((row) => holds(row, "axis", brush.axis));
    const outside = new Set(covered.filter((row) => !holds(row, "y", brush.y)).map((row) => row.trial));
    return new Set(covered.map((row) => row.trial).filter((trial) => !outside.has(trial)));
  };

  const pick = () => {
    const sets = [...brushes.values()].map(pickedBy);
    const trials = tables.trials.map((row) => row.trial).filter((trial) => sets.every((set) => set.has(trial)));
    const picked = sets.length ? (trials.length ? trials : [-1]) : [0];
    for (const { view } of drawn) view.signal("picked", picked).runAsync();
    const note = document.getElementById("picked");
    note.hidden = !sets.length;
    note.textContent = `${trials.length} of ${tables.trials.length} trials picked; double-click in the chart to let go`;
  };

  let asked = false;
  const pickSoon = () => {
    if (!asked) requestAnimationFrame(() => { asked = false; pick(); });
    asked = true;
  };

  const link = (key, view) => {
    if (!("brush" in view.getState({ signals: (name) => name === "brush", data: () => false }).signals)) return;
    view.addSignalListener("brush", (_, held) => {
      if (Object.keys(held).length) brushes.set(key, held);
      else brushes.delete(key);
      pickSoon();
    });
  };

  try {
    ({ charts, tables } = JSON.parse(await unpacked("data")));
    const library = document.createElement("script");
    library.textContent = await unpacked("vega");
    document.head.append(library);
    const options = { mode: "vega-lite", renderer: "svg", ast: true, logLevel: 1, actions: { export: true, source: false, compiled: false, editor: false } };
    for (const place of document.querySelectorAll("[data-chart]")) {
      const key = place.dataset.chart;
      const { view } = await window.vegaEmbed(place, { ...charts[key], datasets: tables }, { ...options, downloadFileName: key });
      drawn.push({ key, view });
      link(key, view);
    }
    document.body.dataset.drawn = String(drawn.length);
  } catch (error) {
    console.error(error);
    const problem = document.getElementById("problem");
    problem.textContent = `The charts could not be drawn (${error.message}); the trials are in the table below.`;
    problem.hidden = false;
  }
})();
