import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { fileQuery } from "@/features/files/api";
import { imageQuery } from "./api";

/** A file by its name, once that is known; it leads to its page, where it can be saved. */
export function FileLink({ file, name }: { file: string; name?: string }) {
  const { data } = useQuery({
    ...fileQuery(file),
    enabled: name === undefined,
    retry: false,
    staleTime: 60_000,
  });
  return (
    <Link
      className="[overflow-wrap:anywhere] underline"
      to="/console/files/$fileId"
      params={{ fileId: file }}
    >
      {name ?? data?.filename ?? file}
    </Link>
  );
}

/** An image that is a file. Its room is kept while it is on its way. */
export function FileImage({ file }: { file: string }) {
  const { t } = useTranslation();
  const { data, error } = useQuery(imageQuery(file));
  return (
    <figure className="grid w-fit gap-1">
      <div className="flex h-80 w-[26rem] max-w-full items-center justify-center rounded-xl border bg-white text-sm text-neutral-700">
        {data !== undefined ? (
          <img className="max-h-full max-w-full rounded-xl" src={data} alt={t("assistants.image")} />
        ) : (
          <span>{error ? t("assistants.noImage") : t("app.loading")}</span>
        )}
      </div>
      <figcaption className="text-xs">
        <FileLink file={file} />
      </figcaption>
    </figure>
  );
}
