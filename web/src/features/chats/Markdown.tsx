import type { Element, ElementContent } from "hast";
import { memo, useMemo } from "react";
import { useTranslation } from "react-i18next";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { splitBlocks } from "./blocks";
import { CodeBlock } from "./CodeBlock";

const plugins = [remarkGfm];

function textIn(node: Element | ElementContent | undefined): string {
  if (!node) return "";
  if (node.type === "text") return node.value;
  return node.type === "element" ? node.children.map(textIn).join("") : "";
}

function languageOf(code: ElementContent | undefined): string {
  const classes = code?.type === "element" ? code.properties.className : undefined;
  const name = Array.isArray(classes)
    ? classes.map(String).find((c) => c.startsWith("language-"))
    : undefined;
  return name?.slice("language-".length) ?? "";
}

/** A picture from elsewhere is offered as a link: loading it would tell its host about the chat. */
function Picture({ src, alt }: { src: string | undefined; alt: string | undefined }) {
  const { t } = useTranslation();
  return <ExternalLink href={src}>{t("chat.imageLink", { alt: alt === "" ? src : alt })}</ExternalLink>;
}

function ExternalLink({ href, children }: { href: string | undefined; children: React.ReactNode }) {
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}

const components: Components = {
  pre: ({ node }) => (
    <CodeBlock code={textIn(node).replace(/\n$/, "")} language={languageOf(node?.children[0])} />
  ),
  a: ({ href, children }) => <ExternalLink href={href}>{children}</ExternalLink>,
  img: ({ src, alt }) => <Picture src={typeof src === "string" ? src : undefined} alt={alt} />,
  table: ({ children }) => (
    <div className="overflow-x-auto" tabIndex={0}>
      <table>{children}</table>
    </div>
  ),
};

const Block = memo(function Block({ text }: { text: string }) {
  return (
    <div className="prose-block">
      <ReactMarkdown remarkPlugins={plugins} components={components}>
        {text}
      </ReactMarkdown>
    </div>
  );
});

/** What a model wrote. HTML in it is text; while it grows, only its last block is rendered again. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => splitBlocks(text), [text]);
  return (
    <div data-slot="markdown" className="prose">
      {blocks.map((block, i) => (
        // A block never changes its place: text only grows at the end.
        <Block key={i} text={block} />
      ))}
    </div>
  );
});
