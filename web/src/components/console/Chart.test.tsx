import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { setLanguage, initI18n } from "@/i18n";
import { Chart, type ChartProps } from "./Chart";

const buckets = ["1", "2", "3"].map((day) => ({ id: day, label: day, title: `${day} November 2023` }));
const dollars = (n: number) => `$${n.toFixed(2)}`;

function show(props: Partial<ChartProps> = {}) {
  return render(
    <Chart
      label="Cost by day"
      kind="bars"
      buckets={buckets}
      format={dollars}
      series={[
        { id: "a", label: "gpt-4", values: [1, 0, 2] },
        { id: "b", label: "ada", values: [0.5, 0, null] },
      ]}
      {...props}
    />,
  );
}

beforeEach(async () => {
  await initI18n("en");
  await setLanguage("en");
});

describe("Chart", () => {
  it("reads a bucket's values out as one goes through them with the keys", async () => {
    const user = userEvent.setup();
    show();
    await user.tab();
    const slider = screen.getByRole("slider", { name: "Cost by day" });
    expect(document.activeElement).toBe(slider);
    expect(slider.getAttribute("aria-valuetext")).toBe("3 November 2023: $2.00. gpt-4 $2.00");
    await user.keyboard("{Home}");
    expect(slider.getAttribute("aria-valuetext")).toBe("1 November 2023: $1.50. gpt-4 $1.00, ada $0.50");
    expect(slider.getAttribute("aria-valuenow")).toBe("0");
    await user.keyboard("{ArrowLeft}");
    expect(slider.getAttribute("aria-valuenow")).toBe("0");
    await user.keyboard("{ArrowRight}");
    expect(slider.getAttribute("aria-valuetext")).toBe("2 November 2023: $0.00. Nothing");
  });

  it("opens the bucket that Enter is pressed on", async () => {
    const user = userEvent.setup();
    const onSelect = vi.fn();
    show({ onSelect, hint: "Enter shows its requests" });
    await user.tab();
    await user.keyboard("{Home}{Enter}");
    expect(onSelect).toHaveBeenCalledWith(buckets[0], 0);
    expect(screen.getByRole("slider", { description: /Enter shows its requests/ })).toBeTruthy();
  });

  it("has the same figures as a table, with sums", async () => {
    const user = userEvent.setup();
    const onSelect = vi.fn();
    show({ onSelect });
    await user.click(screen.getByRole("button", { name: "As a table" }));
    const cells = screen.getAllByRole("row").map((row) =>
      within(row)
        .queryAllByRole("cell")
        .map((cell) => cell.textContent),
    );
    expect(cells).toEqual([
      [],
      ["$1.50", "$1.00", "$0.50"],
      ["$0.00", "$0.00", "$0.00"],
      ["$2.00", "$2.00", "–"],
      ["$3.50", "$3.00", "$0.50"],
    ]);
    await user.click(screen.getByRole("button", { name: "2 November 2023" }));
    expect(onSelect).toHaveBeenCalledWith(buckets[1], 1);
    await user.click(screen.getByRole("button", { name: "As a chart" }));
    expect(screen.getByRole("slider")).toBeTruthy();
  });

  it("says when there is nothing", () => {
    const { rerender } = show({
      series: [{ id: "a", label: "gpt-4", values: [0, 0, null] }],
      empty: "No requests",
    });
    expect(screen.getByText("No requests")).toBeTruthy();
    rerender(<Chart label="Cost by day" kind="lines" buckets={[]} series={[]} format={dollars} />);
    expect(screen.getByText("Nothing in this time")).toBeTruthy();
    expect(screen.getByRole("slider").getAttribute("aria-valuetext")).toBe("Nothing in this time");
  });
});
