// uPlot inside React: one chart, made anew when its options change, fed when only its data changes.
// Charts draw with the theme's colours, read from the style sheet at the moment of drawing.
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { faceOf, type Zone } from "../domain/time";

export type PlotOptions = Omit<uPlot.Options, "width" | "height">;

interface PlotProps {
  options: PlotOptions;
  data: uPlot.AlignedData;
  /** In CSS pixels, or as high as the place it stands in. */
  height: number | "fill";
  /** What the picture shows, for those who do not see it. */
  label: string;
}

export function Plot({ options, data, height, label }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const newest = useRef(data);

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const size = () => ({ width: element.clientWidth, height: height === "fill" ? element.clientHeight : height });
    const made = new uPlot({ ...options, ...size() }, newest.current, element);
    plot.current = made;
    const sizes = new ResizeObserver(() => made.setSize(size()));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [options, height]);

  useEffect(() => {
    newest.current = data;
    plot.current?.setData(data);
  }, [data]);

  return <div ref={place} className={height === "fill" ? "plot fill" : "plot"} role="img" aria-label={label} />;
}

/** A colour of the present theme. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export const PLOT_FONT = '11px Inter, system-ui, "Segoe UI", "Noto Sans", "Liberation Sans", sans-serif';

/** Labels of a time axis in the reader's zone; as fine as the distance between two of them asks for. */
export function timeLabels(zone: Zone): uPlot.Axis.DynamicValues {
  return (_plot, splits, _axis, _space, step) =>
    splits.map((seconds) => {
      const face = faceOf(seconds * 1000, zone);
      if (step >= 86_400) return face.date.slice(5);
      if (step >= 60) return face.time.slice(0, 5);
      return step >= 1 ? face.time : `${face.time.slice(6)}.${face.micros.slice(0, 3)}`;
    });
}

/** Days and hours begin where the reader's clock says. */
export function tzDate(zone: Zone): (seconds: number) => Date {
  return (seconds) => {
    const date = new Date(seconds * 1000);
    return zone === "utc" ? uPlot.tzDate(date, "Etc/UTC") : date;
  };
}
