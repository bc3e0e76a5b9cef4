// Small charts of laboratory results. Each value also stands in the table of results.

const DAY = 86400;

function colours() {
  const style = getComputedStyle(document.documentElement);
  const named = (name) => {
    // the names hold light-dark(), which only a real property resolves
    probe.className = `probe-${name}`;
    return getComputedStyle(probe).color || style.color;
  };
  const probe = document.createElement("span");
  document.body.append(probe);
  const found = { ink: named("ink"), accent: named("accent"), band: named("band"), muted: named("muted") };
  probe.remove();
  return found;
}

function read(element) {
  const points = JSON.parse(element.dataset.points);
  const end = (text) => (text === "" ? null : Number(text));
  return {
    times: points.map(([time]) => time),
    values: points.map(([, value]) => value),
    limits: JSON.parse(element.dataset.limits).map(([value]) => value),
    low: end(element.dataset.low),
    high: end(element.dataset.high),
  };
}

// The scale shows the values, the band, and the nearest limit on either side, so that it is seen
// how far a value is from it.
function scale({ values, limits, low, high }) {
  const shown = [...values, ...[low, high].filter((end) => end !== null)];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const below = limits.filter((limit) => limit < least).at(-1);
  const above = limits.find((limit) => limit > most);
  if (below !== undefined) shown.push(below);
  if (above !== undefined) shown.push(above);
  const [from, to] = [Math.min(...shown), Math.max(...shown)];
  const room = (to - from || Math.abs(to) || 1) * 0.15;
  return [from - room, to + room];
}

function decorate(data, colour) {
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    if (data.low !== null || data.high !== null) {
      const top = data.high === null ? bbox.top : plot.valToPos(data.high, "y", true);
      const foot = data.low === null ? bbox.top + bbox.height : plot.valToPos(data.low, "y", true);
      ctx.fillStyle = colour.band;
      ctx.fillRect(bbox.left, top, bbox.width, foot - top);
    }
    ctx.strokeStyle = colour.muted;
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const limit of data.limits) {
      const y = Math.round(plot.valToPos(limit, "y", true)) + 0.5;
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.restore();
  };
}

function draw(element) {
  const data = read(element);
  const colour = colours();
  const font = "11px system-ui, sans-serif";
  const axis = { stroke: colour.muted, font, grid: { show: false }, ticks: { show: false } };
  const [first, last] = [data.times[0], data.times.at(-1)];
  const room = Math.max((last - first) * 0.08, DAY / 4);
  const day = (seconds) =>
    new Date(seconds * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  element.replaceChildren();
  new uPlot(
    {
      width: element.clientWidth,
      height: element.clientHeight,
      legend: { show: false },
      cursor: { show: false },
      padding: [6, 20, 0, 0],
      scales: { x: { time: false, range: [first - room, last + room] }, y: { range: scale(data) } },
      axes: [
        { ...axis, size: 24, gap: 6, splits: () => (last - first > DAY ? [first, last] : [last]), values: (_, at) => at.map(day) },
        { ...axis, size: 40, gap: 4, space: 24 },
      ],
      series: [
        {},
        { stroke: colour.accent, width: 2, points: { show: true, size: 6, fill: colour.accent, stroke: colour.accent } },
      ],
      hooks: { drawClear: [decorate(data, colour)] },
    },
    [data.times, data.values],
    element,
  );
}

function drawAll() {
  for (const element of document.querySelectorAll("[data-chart]")) draw(element);
}

drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
let width = innerWidth;
addEventListener("resize", () => {
  if (width === innerWidth) return; // on a phone the bar of the browser comes and goes
  width = innerWidth;
  drawAll();
});
