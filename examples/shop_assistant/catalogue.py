"""The products of the shop, and a search for those that a question is about."""

import re
import time
from dataclasses import dataclass
from typing import TypedDict

import spanframe

__all__ = ["PRODUCTS", "Document", "Product", "find_products"]


class Document(TypedDict):
    """What a retriever returns, in the shape trace viewers know."""

    page_content: str
    metadata: dict[str, str]


@dataclass(frozen=True)
class Product:
    """One thing on the shelf; ``price`` is in euros."""

    sku: str
    name: str
    price: float
    stock: int
    text: str


PRODUCTS = {
    product.sku: product
    for product in (
        Product("TENT-2", "Two-person tent", 189.0, 14, "light tent for two, 1.9 kg"),
        Product("TENT-4", "Family tent", 349.0, 3, "tall tent for four, two rooms"),
        Product("BAG-W", "Winter sleeping bag", 159.0, 0, "down bag, warm to -10 °C"),
        Product("BAG-S", "Summer sleeping bag", 59.0, 40, "thin bag for warm nights"),
        Product("MAT-1", "Sleeping mat", 45.0, 60, "self-inflating mat, 3 cm"),
        Product("STOVE", "Gas stove", 35.0, 25, "small stove, boils 1 l in 4 min"),
        Product("LAMP", "Head lamp", 29.0, 80, "400 lumen lamp, USB charging"),
        Product("PACK-45", "Backpack 45 l", 129.0, 11, "pack for two or three nights"),
        Product("BOOT-M", "Hiking boots", 169.0, 7, "waterproof boots, ankle high"),
        Product("FILTER", "Water filter", 39.0, 33, "filters 1 000 l, 80 g"),
    )
}


@spanframe.trace(span_type="RETRIEVER")
def find_products(question: str, *, rerank: bool, limit: int = 3) -> list[Document]:
    """Return the products closest to the question, best first."""
    time.sleep(0.004)  # the vector index's answer
    words = _words(question)
    scored = [(_overlap(words, product), product) for product in PRODUCTS.values()]
    found = sorted((s for s in scored if s[0]), key=lambda s: -s[0])[: 2 * limit]
    if rerank:
        found = _rerank(found)
    return [
        {
            "page_content": f"{product.name}: {product.text}",
            "metadata": {"sku": product.sku, "score": str(score)},
        }
        for score, product in found[:limit]
    ]


def _rerank(found: list[tuple[int, Product]]) -> list[tuple[int, Product]]:
    """Put what can be delivered today first: feature flag ``rerank``."""
    with spanframe.start_span(name="rerank", span_type="RERANKER") as span:
        span.set_inputs([product.sku for _, product in found])
        time.sleep(0.006)
        ranked = sorted(found, key=lambda s: (s[1].stock == 0, -s[0]))
        span.set_outputs([product.sku for _, product in ranked])
    return ranked


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{3,}", text.lower()))


def _overlap(words: set[str], product: Product) -> int:
    return 3 * len(words & _words(product.name)) + len(words & _words(product.text))
