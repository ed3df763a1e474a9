// The report: draws what is in #data. Colours: levels by hue (Okabe and Ito's, which the colour-blind tell apart), tensors by
// lightness. No text of the data is ever parsed as HTML.
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const main = document.getElementById('main');
  const HUES = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00', '#8C6D31', '#999999', '#6A3D9A', '#B2182B'];
  const LIGHTER = { weights: 0, inputs: 0.38, outputs: 0.66 };
  const charts = [];

  // ---- small things

  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes))
      if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value);
    for (const child of children.flat()) made.append(child instanceof Node ? child : String(child));
    return made;
  };
  const escaped = (text) => element('div', {}, text).innerHTML;
  const lighter = (hex, share) => {
    const part = (k) => Math.round(parseInt(hex.slice(k, k + 2), 16) * (1 - share) + 255 * share);
    return `rgb(${part(1)}, ${part(3)}, ${part(5)})`;
  };
  const grouped = (number) => Number.isInteger(number) ? number.toLocaleString('en-US') : String(number);
  const short = (number) => {
    if (number === 0) return '0';
    const size = Math.abs(number);
    for (const [unit, name] of [[1e15, ' P'], [1e12, ' T'], [1e9, ' G'], [1e6, ' M'], [1e3, ' k']])
      if (size >= unit) return Number((number / unit).toPrecision(4)) + name;
    return String(Number(number.toPrecision(4)));
  };
  const percent = (share) => (100 * share).toFixed(1) + ' %';
  const unit = (result) => result.architecture.energy_unit === 'mac' ? 'MACs' : 'pJ';
  const table = (header, rows, numbers) => element('div', { class: 'scroll' }, element('table', {},
    element('thead', {}, element('tr', {}, header.map((h, i) => element('th', { class: numbers[i] ? 'number' : '', scope: 'col' }, h)))),
    element('tbody', {}, rows.map((row) => element('tr', {}, row.map((cell, i) =>
      element('td', { class: numbers[i] ? 'number' : '' }, typeof cell === 'number' ? grouped(cell) : cell)))))));
  const select = (label, options, change) => {
    const list = element('select', { 'aria-label': label, onchange: () => change(list.selectedIndex) },
      options.map((o) => element('option', {}, o)));
    return list;
  };

  // ---- charts

  const file = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
  /// A chart with its caption, a button that saves it as SVG, and its figures as a table.
  const figure = (parent, title, height, option, rows, controls = []) => {
    const box = element('div', { class: 'chart', role: 'img', style: `height: ${height}px` });
    const details = element('details', {}, element('summary', {}, 'figures'));
    const saved = element('button', {
      type: 'button', onclick: () => {
        const link = element('a', {
          href: URL.createObjectURL(new Blob([chart.renderToSVGString()], { type: 'image/svg+xml' })), download: file(title) + '.svg' });
        link.click();
        URL.revokeObjectURL(link.href);
      } }, 'SVG');
    parent.append(element('figure', {}, element('figcaption', {}, element('h3', {}, title), controls, saved), box, details));
    const chart = echarts.init(box, null, { renderer: 'svg' });
    const show = (wanted, figures) => {
      wanted.tooltip = { confine: true, ...wanted.tooltip };
      chart.setOption({
        animation: false, textStyle: { fontFamily: 'system-ui, "DejaVu Sans", sans-serif' },
        aria: { enabled: true, label: { enabled: true } }, ...wanted }, true);
      while (details.children.length > 1) details.lastChild.remove();
      details.append(table(...figures));
    };
    show(option, rows);
    charts.push(chart);
    return { chart, show };
  };
  const resize = (width) => charts.forEach((chart) => chart.resize(width ? { width } : { width: 'auto' }));
  addEventListener('resize', () => resize());
  addEventListener('beforeprint', () => resize(700));
  addEventListener('afterprint', () => resize());

  const axisName = { nameLocation: 'middle', nameTextStyle: { color: '#333' } };
  /// An axis that shows all of `numbers`: by logarithm where they span more than a decade.
  const spanning = (name, nameGap, numbers, more = {}) => {
    const low = Math.min(...numbers), high = Math.max(...numbers);
    const wide = low > 0 && high / low > 10;
    const axisLabel = { formatter: short, showMinLabel: !wide, showMaxLabel: !wide };
    const ends = wide ? { type: 'log', min: low / 1.6, max: high * 1.6 } : { type: 'value', scale: true };
    return { ...ends, name, nameGap, ...axisName, axisLabel, ...more };
  };
  const categories = (names) => ({
    type: 'category', data: names, axisLabel: { rotate: names.length > 9 ? 55 : 0, interval: names.length > 70 ? 'auto' : 0, fontSize: 11 } });
  const values = (name, more = {}) => ({ type: 'value', name, nameGap: 52, ...axisName, axisLabel: { formatter: short }, ...more });
  const stacked = (names, series, axis) => ({
    color: series.map((s) => s.color),
    legend: { type: 'plain', top: 0, itemHeight: 10, textStyle: { fontSize: 11 } },
    grid: { left: 78, right: 12, top: 12 + 22 * Math.ceil(series.length / 5), bottom: names.length > 9 ? 110 : 30 },
    tooltip: {
      trigger: 'axis', axisPointer: { type: 'shadow' },
      formatter: (items) => `<b>${escaped(items[0].axisValue)}</b><br>` + items.filter((i) => i.value > 0).reverse()
        .map((i) => `${i.marker}${escaped(i.seriesName)} ${short(i.value)}`).join('<br>') +
        `<br>together ${short(items.reduce((sum, i) => sum + i.value, 0))}` },
    xAxis: categories(names), yAxis: values(axis),
    series: series.map((s) => ({ name: s.name, type: 'bar', stack: 'all', barMaxWidth: 46, data: s.data, itemStyle: { borderColor: '#fff', borderWidth: 0.4 } })) });
  const stackedRows = (names, series) => [['layer', ...series.map((s) => s.name)],
    names.map((n, i) => [n, ...series.map((s) => s.data[i])]), [false, ...series.map(() => true)]];

  // ---- mappings

  const hueOf = (result, level) => HUES[result.architecture.levels.findIndex((l) => l.name === level) % HUES.length];
  /// A loop nest: storage nodes as bands in their level's colour with a bar as long as the tile is large (by its logarithm), loops
  /// indented, lanes dashed.
  const nest = (result, drawing, title) => {
    const list = element('ol');
    let depth = 0;
    const most = Math.max(1, ...drawing.flatMap((n) => (n.tiles || []).map((t) => t.words)));
    for (const node of drawing) {
      const item = element('li', { style: `margin-left: ${depth * 13}px` });
      if (node.store) {
        const hue = hueOf(result, node.store);
        item.append(element('div', { class: 'store', style: `border-color: ${hue}; background: ${lighter(hue, 0.9)}` },
          element('b', {}, node.store), node.tiles.map((t) => element('div', { class: 'tile' }, element('span', {}, t.tensor),
            element('div', { class: 'bar', style: `background: ${lighter(hue, LIGHTER[t.role] * 0.8)}; width: ${Math.round(110 * Math.log2(1 + t.words) / Math.log2(1 + most))}px` }),
            `${t.shape.join('×') || '1'} = ${grouped(t.words)} words`))));
      } else if (node.for) {
        item.append(element('span', { class: 'node loop' }, `for ${node.for} in ${grouped(node.count)}`));
        ++depth;
      } else if (node.spatial) {
        item.append(element('span', { class: 'node lanes' }, `lanes ${node.spatial} × ${grouped(node.count)} on ${node.axis} of ${node.fanout} `,
          Array.from({ length: Math.min(node.count, 16) }, () => element('i'))));
        ++depth;
      } else {
        item.append(element('b', { class: 'node' }, node.compute));
      }
      list.append(item);
    }
    return element('div', { class: 'nest' }, element('h4', {}, title), list);
  };

  // ---- one result

  const energySeries = (result) => {
    const layers = result.layers;
    const series = [];
    for (const level of result.architecture.levels)
      for (const tensor of [...new Set(layers.flatMap((l) => l.evaluation.levels.filter((e) => e.level === level.name).map((e) => e.tensor)))]) {
        const role = layers.map((l) => l.roles[tensor]).find(Boolean) || 'inputs';
        const of = (l) => l.evaluation.levels.find((e) => e.level === level.name && e.tensor === tensor);
        series.push({ name: `${level.name} ${tensor}`, color: lighter(hueOf(result, level.name), LIGHTER[role]), data: layers.map((l) => of(l)?.energy || 0) });
      }
    for (const [key, name, color] of [['network_energy', 'network', '#b8860b'], ['compute_energy', 'MACs', '#333333'], ['leakage_energy', 'leakage', '#c9c9c9']])
      if (layers.some((l) => l.evaluation[key] > 0)) series.push({ name, color, data: layers.map((l) => l.evaluation[key]) });
    return series;
  };
  const cycleSeries = (result) => {
    const series = new Map();
    const add = (name, color, layer, cycles) => {
      if (!series.has(name)) series.set(name, { name, color, data: result.layers.map(() => 0) });
      series.get(name).data[layer] += cycles;
    };
    result.layers.forEach((layer, i) => {
      const cause = layer.evaluation.cycles_by_cause;
      for (const [key, name, color] of [['compute', 'compute', '#333333'], ['idle_lanes', 'idle lanes', '#9a9a9a'], ['first_fill', 'first fill', '#56B4E9'], ['last_drain', 'last drain', '#CC79A7']])
        if (cause[key]) add(name, color, i, cause[key]);
      for (const each of cause.levels || [])
        for (const [key, name, share] of [['read_bandwidth', 'reads', 0], ['write_bandwidth', 'writes', 0.4], ['waiting', 'waiting', 0.7]])
          if (each[key]) add(`${each.level} ${name}`, lighter(hueOf(result, each.level), share), i, each[key]);
    });
    return [...series.values()];
  };

  /// Ports of levels: words through them of a layer, and their words a cycle (all instances), where limited.
  const ports = (result) => {
    let instances = 1;
    const list = [];
    for (const level of result.architecture.levels) {
      const at = instances;
      for (const [key, name, words] of [['read_bandwidth', 'reads', (e) => e.reads], ['write_bandwidth', 'writes', (e) => e.fills + e.updates]])
        list.push({
          name: `${level.name} ${name}`, roof: level[key] ? level[key] * at : null,
          words: (layer) => layer.evaluation.levels.filter((e) => e.level === level.name).reduce((sum, e) => sum + words(e), 0) });
      if (level.fanout) instances *= (level.fanout.x || 1) * (level.fanout.y || 1);
    }
    return { list, peak: instances * (result.architecture.compute.macs_per_cycle || 1) };
  };
  const roofline = (section, result) => {
    const { list, peak } = ports(result);
    const used = list.filter((port) => result.layers.some((l) => port.words(l) > 0));
    const option = (port) => {
      const points = result.layers.filter((l) => port.words(l) > 0)
        .map((l) => ({ name: l.name, value: [l.macs / port.words(l), l.macs / l.evaluation.cycles] }));
      const xs = points.map((p) => p.value[0]).concat(port.roof ? [peak / port.roof] : []);
      const low = Math.min(...xs) / 2, high = Math.max(...xs) * 2;
      const roof = port.roof ? [[low, low * port.roof], [peak / port.roof, peak], [high, peak]] : [[low, peak], [high, peak]];
      const ends = { formatter: short, showMinLabel: false, showMaxLabel: false };
      const lowest = Math.min(...points.map((p) => p.value[1]), port.roof ? roof[0][1] : peak) / 1.5;
      return [{
        grid: { left: 78, right: 20, top: 24, bottom: 48 },
        tooltip: { formatter: (p) => p.seriesType === 'line' ? '' : `<b>${escaped(p.name)}</b><br>${short(p.value[0])} MACs a word<br>${short(p.value[1])} MACs a cycle (${percent(p.value[1] / peak)} of the peak)` },
        xAxis: { type: 'log', name: `MACs a word of ${port.name}`, nameGap: 28, ...axisName, min: low, max: high, axisLabel: ends },
        yAxis: { type: 'log', name: 'MACs a cycle', nameGap: 52, ...axisName, min: lowest, max: peak * 1.5, axisLabel: ends },
        series: [
          { type: 'line', data: roof, symbol: 'none', silent: true, lineStyle: { color: '#333', width: 2 },
            endLabel: { show: true, formatter: `peak ${short(peak)}`, offset: [-70, -9], color: '#333' } },
          { type: 'scatter', data: points, symbolSize: 11, itemStyle: { color: '#0072B2', opacity: 0.8, borderColor: '#fff' },
            label: { show: points.length <= 24, position: 'top', formatter: '{b}', fontSize: 10, color: '#444' }, labelLayout: { hideOverlap: true } }] },
      [['layer', 'MACs a word', 'MACs a cycle'], points.map((p) => [p.name, short(p.value[0]), short(p.value[1])]), [false, true, true]]];
    };
    const controls = select('port', used.map((p) => p.name + (p.roof ? '' : ' (no limit)')), (i) => drawn.show(...option(used[i])));
    const drawn = figure(section, 'Roofline', 380, ...option(used[0]), [controls]);
  };

  const certificate = (layer) => {
    const c = layer.certificate;
    return c ? (c.proved ? 'proved' : `gap ${percent(c.gap)}`) : '';
  };
  const mappings = (section, result) => {
    const side = element('div', { class: 'side' });
    const show = (i) => {
      const layer = result.layers[i];
      side.replaceChildren(nest(result, layer.drawing, `${layer.name}: ${layer.dataflow}`), element('div', { class: 'nest' },
        element('h4', {}, 'What it costs'), table(['level', 'tensor', 'reads', 'fills', 'updates', 'drains', 'energy'],
          layer.evaluation.levels.map((e) => [e.level, e.tensor, e.reads, e.fills, e.updates, e.drains, short(e.energy)]), [false, false, true, true, true, true, true]),
        element('p', { class: 'note' }, `${short(layer.evaluation.energy)} ${unit(result)}, ${grouped(layer.evaluation.cycles)} cycles, utilization ${percent(layer.evaluation.utilization)}; limited by ${layer.evaluation.limit}; ${certificate(layer)}`)));
      list.selectedIndex = i;
    };
    const list = select('layer', result.layers.map((l) => l.name), show);
    section.append(element('figure', {}, element('figcaption', {}, element('h3', {}, 'Mapping'), list), side));
    show(0);
    return show;
  };

  const frontOption = (result, points) => ({
    grid: { left: 90, right: 24, top: 18, bottom: 48 },
    tooltip: { formatter: (p) => `${short(p.value[0])} cycles<br>${short(p.value[1])} ${unit(result)}` },
    xAxis: { type: 'value', scale: true, name: 'cycles', nameGap: 28, ...axisName, axisLabel: { formatter: short } },
    yAxis: { type: 'value', scale: true, name: `energy (${unit(result)})`, nameGap: 62, ...axisName, axisLabel: { formatter: short } },
    series: [{ type: 'line', step: 'end', data: points, symbol: 'circle', symbolSize: 10, itemStyle: { color: '#D55E00' }, lineStyle: { color: '#D55E00', width: 1 } }] });
  const frontRows = (points) => [['cycles', 'energy'], points.map((p) => [p[0], short(p[1])]), [true, true]];
  /// Hover shows a point's mapping; a click pins it, and the next hover or click stands beside it.
  const fronts = (section, result) => {
    const layers = result.layers.filter((l) => l.pareto?.length);
    if (layers.length) {
      const side = element('div', { class: 'side' });
      let layer = layers[0];
      let pinned = [];
      const sorted = () => [...layer.pareto].sort((a, b) => a.cycles - b.cycles);
      const points = () => sorted().map((p) => [p.cycles, p.energy]);
      const at = (index) => sorted()[index];
      const draw = (hovered) => {
        const shown = [...pinned, hovered].filter((k, i, all) => k !== undefined && all.indexOf(k) === i).slice(0, 2);
        side.replaceChildren(...shown.map((k) => nest(result, at(k).drawing,
          `${pinned.includes(k) ? 'pinned: ' : ''}${layer.name}, ${short(at(k).cycles)} cycles, ${short(at(k).energy)} ${unit(result)}`)));
      };
      const list = select('layer', layers.map((l) => l.name), (i) => {
        layer = layers[i];
        pinned = [];
        drawn.show(frontOption(result, points()), frontRows(points()));
        draw(0);
      });
      const drawn = figure(section, 'Energy-latency front of a layer', 320, frontOption(result, points()), frontRows(points()), [list,
        element('span', { class: 'note screen' }, 'hover shows the mapping, click pins it')]);
      drawn.chart.on('mouseover', (e) => draw(e.dataIndex));
      drawn.chart.on('click', (e) => {
        pinned = pinned.includes(e.dataIndex) ? pinned.filter((k) => k !== e.dataIndex) : [...pinned, e.dataIndex].slice(-2);
        draw(e.dataIndex);
      });
      section.append(side);
      draw(0);
    }
    if (result.pareto?.length) {
      const points = result.pareto.map((p) => [p.cycles, p.energy]).sort((a, b) => a[0] - b[0]);
      figure(section, 'Energy-latency front of the network', 320, frontOption(result, points), frontRows(points));
    }
  };

  const proofs = (result) => `${result.layers.filter((l) => l.certificate?.proved).length} of ${result.layers.length}`;
  const checks = (result) => {
    const run = result.layers.filter((l) => l.verification);
    return run.length ? `${run.filter((l) => l.verification.outputs_match && l.verification.counts_match).length} of ${result.layers.length}` : '';
  };
  const single = (result, index) => {
    const section = element('section', { id: `result-${index}` }, element('h2', {}, result.label));
    main.append(section);
    const names = result.layers.map((l) => l.name + (l.repeat > 1 ? ` (×${l.repeat})` : ''));
    const energies = energySeries(result);
    const perMac = energies.map((s) => ({ ...s, data: s.data.map((v, i) => v / result.layers[i].macs) }));
    const pick = [[energies, `energy (${unit(result)})`], [perMac, `${unit(result)} a MAC`]];
    const how = select('energy', ['of a run', 'per MAC'], (i) => energy.show(stacked(names, ...pick[i]), stackedRows(names, pick[i][0])));
    const energy = figure(section, 'Energy by level and tensor', 420, stacked(names, ...pick[0]), stackedRows(names, energies), [how]);
    const causes = cycleSeries(result);
    const cycles = figure(section, 'Cycles by cause', 380, stacked(names, causes, 'cycles'), stackedRows(names, causes));
    roofline(section, result);
    const show = mappings(section, result);
    for (const each of [energy, cycles]) each.chart.on('click', (e) => show(e.dataIndex));
    fronts(section, result);
  };

  // ---- several results

  const overview = () => {
    const section = element('section', {}, element('h2', {}, 'Results'));
    main.append(section);
    section.append(table(['', 'workload', 'architecture', 'dataflow', 'least', 'energy', 'per MAC', 'cycles', 'energy × cycles', 'utilization', 'proved', 'executed'],
      data.results.map((r, i) => {
        const { peak } = ports(r);
        return [element('a', { href: `#result-${i}` }, r.label), r.workload, r.arch, r.dataflow || 'free', r.objective, `${short(r.total.energy)} ${unit(r)}`,
          (r.total.energy / r.total.macs).toFixed(4), r.total.cycles, short(r.total.edp), percent(r.total.macs / r.total.cycles / peak), proofs(r), checks(r)];
      }), [false, false, false, false, false, true, true, true, true, true, true, true]));
    for (const each of data.without || [])
      section.append(element('p', { class: 'note' }, `${each.workload} on ${each.arch}, ${each.dataflow}: ${each.reason}`));
  };
  const comparison = () => {
    if (data.results.length < 2) return;
    const section = element('section', {}, element('h2', {}, 'Comparison'));
    main.append(section);
    for (const workload of [...new Set(data.results.map((r) => r.workload))]) {
      const list = data.results.filter((r) => r.workload === workload);
      const one = list.every((r) => unit(r) === unit(list[0]));
      const kinds = [['energy', (r) => r.total.energy], ['cycles', (r) => r.total.cycles], ['energy × cycles', (r) => r.total.edp]].filter(([name]) => one || name === 'cycles');
      if (list.length > 1)
        figure(section, `${workload}: relative to ${list[0].label}`, 300, {
          color: HUES, legend: { top: 0, itemHeight: 10 }, grid: { left: 78, right: 12, top: 34, bottom: 30 },
          tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: (v) => '× ' + v.toFixed(3) },
          xAxis: categories(kinds.map(([name]) => name)), yAxis: values('factor'),
          series: list.map((r) => ({ name: r.label, type: 'bar', barMaxWidth: 60, data: kinds.map(([, of]) => of(r) / of(list[0])), label: { show: true, position: 'top', formatter: (p) => p.value.toFixed(2), fontSize: 11 } })) },
        [['', ...kinds.map(([name]) => name)], list.map((r) => [r.label, ...kinds.map(([, of]) => (of(r) / of(list[0])).toFixed(4))]), [false, true, true, true]]);
      const names = list[0].layers.map((l) => l.name);
      const of = (r, name, key) => r.layers.find((l) => l.name === name)?.evaluation[key] ?? null;
      const per = [['energy', one ? `energy (${unit(list[0])})` : ''], ['cycles', 'cycles']].filter(([, name]) => name);
      if (list.length > 1)
        for (const [key, name] of per)
          figure(section, `${workload}: ${name} of each layer`, 330, {
            color: HUES, legend: { top: 0, itemHeight: 10 }, grid: { left: 78, right: 12, top: 34, bottom: names.length > 9 ? 110 : 30 },
            tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: (v) => v === null ? '-' : short(v) },
            xAxis: categories(names), yAxis: values(name),
            series: list.map((r) => ({ name: r.label, type: 'bar', data: names.map((n) => of(r, n, key)) })) },
          [['layer', ...list.map((r) => r.label)], names.map((n) => [n, ...list.map((r) => short(of(r, n, key) ?? 0))]), [false, ...list.map(() => true)]]);
    }
  };

  // ---- sweeps

  const sweeps = () => (data.sweeps || []).forEach((sweep) => {
    const section = element('section', {}, element('h2', {}, `Sweep: ${sweep.name}`));
    main.append(section);
    section.append(element('p', { class: 'note' }, `${grouped(sweep.records)} records, ${grouped(sweep.done)} with a result` +
      (sweep.points.length < sweep.done ? `; drawn are the ${grouped(sweep.points.length)} that are on the front of energy and cycles or were drawn evenly from the rest` : '')));
    const figures = { energy: (p) => p.energy, cycles: (p) => p.cycles, 'energy × cycles': (p) => p.energy * p.cycles };
    if (sweep.points.some((p) => p.area > 0)) figures['area (mm²)'] = (p) => p.area;
    for (const name of Object.keys(sweep.points[0].parameters))
      if (sweep.points.every((p) => typeof p.parameters[name] === 'number')) figures[name] = (p) => p.parameters[name];
    const keys = Object.keys(figures);
    let x = 0, y = 1;
    const dataflows = [...new Set(sweep.points.map((p) => p.dataflow))];
    const front = () => {
      const sorted = [...sweep.points].sort((a, b) => figures[keys[x]](a) - figures[keys[x]](b) || figures[keys[y]](a) - figures[keys[y]](b));
      let best = Infinity;
      return sorted.filter((p) => figures[keys[y]](p) < best && ((best = figures[keys[y]](p)), true));
    };
    const spot = (p) => ({ name: String(p.point), value: [figures[keys[x]](p), figures[keys[y]](p)], of: p });
    const axis = (k, gap) => spanning(keys[k], gap, sweep.points.map(figures[keys[k]]));
    const option = () => [{
      color: HUES, legend: { top: 0, itemHeight: 10 }, grid: { left: 90, right: 24, top: 34, bottom: 48 },
      tooltip: { formatter: (p) => p.data.of ? `point ${p.name}, ${escaped(p.data.of.dataflow)}<br>` +
        Object.entries(p.data.of.parameters).map(([k, v]) => `${escaped(k)} ${escaped(String(v))}`).join('<br>') +
        `<br>${short(p.data.of.energy)} energy, ${short(p.data.of.cycles)} cycles` : '' },
      xAxis: axis(x, 28), yAxis: axis(y, 62),
      series: [...dataflows.map((d) => ({ name: d, type: 'scatter', symbolSize: 8, itemStyle: { opacity: 0.75 }, large: sweep.points.length > 5000, data: sweep.points.filter((p) => p.dataflow === d).map(spot) })),
        { name: 'front', type: 'line', step: 'end', symbol: 'none', silent: true, data: front().map((p) => spot(p).value), lineStyle: { color: '#333', width: 1.5 }, itemStyle: { color: '#333' } }] },
    [['point', 'dataflow', ...Object.keys(sweep.points[0].parameters), keys[x], keys[y]], front().map((p) => [p.point, p.dataflow, ...Object.values(p.parameters).map(String), short(figures[keys[x]](p)), short(figures[keys[y]](p))]),
      [true, false, ...Object.keys(sweep.points[0].parameters).map(() => true), true, true]]];
    const again = () => drawn.show(...option());
    const xs = select('x axis', keys, (k) => { x = k; again(); });
    const ys = select('y axis', keys, (k) => { y = k; again(); });
    ys.selectedIndex = 1;
    const drawn = figure(section, `Designs of ${sweep.name}, and their front`, 440, ...option(), ['x', xs, 'y', ys]);
  });

  document.getElementById('made').textContent = `made by tilepath ${data.version}`;
  if (data.results.length) overview();
  comparison();
  data.results.forEach(single);
  sweeps();
  document.body.dataset.ready = 'yes';
})();
