"""Short, friendly words that end a run id, so that people can tell runs apart and name them aloud."""

WORDS = tuple(
    """acorn alder alga amber ant apple arch ash aspen aster auk badger bamboo barley basil bay bean bear beech bee
    beetle berry birch bison bloom bog bramble bream brook buck burr cactus canary carp cedar cherry chive cicada clam
    clay cliff cloud clover cobra cod comet condor coral cork corn cosmos cove crab crane creek cress cricket crow
    cub cypress dahlia daisy dale dawn deer delta dew dingo dove drake duck dune eagle ebony eel egret elder elk elm
    ember ermine falcon fawn fen fern fig finch fir fjord flax flint flora fog fox frog frost gale gecko geode
    ginger glade goat goose gorse grape grass grove gull hare hawk hazel heath hedge heron hill holly hop horn hyena
    ibex ibis iris isle ivy jade jasper jay juniper kale kelp kestrel kite kiwi koala krill lagoon lake larch lark
    laurel lava leaf lemon lemur lichen lilac lily lime linden lion lizard llama lotus lupin lynx magpie maize
    mango maple marsh marten meadow melon mink mint mist mole moose moss moth mouse myrtle narwhal nectar nettle
    newt nutmeg oak oasis oat ocelot olive onyx opal orca orchid osprey otter owl oyster palm panda pansy peach
    pear pearl pebble pecan perch petal pigeon pike pine plover plum pollen pond poppy prairie puffin puma quail
    quartz quince rabbit rain raven reed reef ridge river robin rose rowan rush rye sage salmon sand sedge seal
    shell shore shrew shrub skua sloe snail snipe snow sorrel sparrow spruce squid star stoat stone stork stream
    sun swan swift sycamore tansy tapir teal tern thistle thorn thrush thyme tide toad topaz trout tulip tundra
    turtle vale vine viola viper vole walnut wasp wave weasel whale wheat willow wind wolf wren yak yarrow yew
    zebra zinnia""".split()
)
