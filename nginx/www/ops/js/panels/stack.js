// Series on top of each other.

/** What is drawn instead of the data, and the bands to fill between. */
export function stacked(series, [times, ...rows]) {
	const sums = new Map(); // by group
	const bands = [];
	const drawn = rows.map((row, i) => {
		const { mode, group = 'A' } = series[i].custom.stacking || {};
		if (!mode || mode === 'none') return row;
		const below = sums.get(group);
		const sum = row.map((value, k) => (value === null && !below ? null : (value || 0) + (below?.row[k] || 0)));
		if (below) bands.push({ series: [i + 1, below.index] });
		sums.set(group, { row: sum, index: i + 1 });
		return sum;
	});
	return { drawn: [times, ...drawn], bands };
}
